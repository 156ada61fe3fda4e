package main

import (
	"os"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m)) }
