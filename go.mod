module github.com/kvshard/kvshard

go 1.25.0
