package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// A receipt is what became of a transaction.
type receipt struct {
	height int64
	gas    string // used
}

// A refusal is a transaction that failed: in CheckTx, or in a block.
type refusal struct {
	Code      int    `json:"code"`
	Codespace string `json:"codespace"`
	RawLog    string `json:"raw_log"`
	inBlock   bool
}

func (r *refusal) Error() string {
	return fmt.Sprintf("code %d of %s: %s", r.Code, r.Codespace, r.RawLog)
}

// send sends a transaction with the command line and waits for its block. A
// transaction that fails is a *refusal.
func (n *node) send(ctx context.Context, from string, gas int, args ...string) (receipt, error) {
	out, err := n.run(ctx, append(append([]string{"tx"}, args...), "--from", from, "--keyring-backend", "test", "--chain-id", chainID,
		"--node", n.address(), "--gas", strconv.Itoa(gas), "--yes", "--output", "json")...)
	if err != nil {
		return receipt{}, err
	}
	var sent struct {
		refusal
		Hash string `json:"txhash"`
	}
	if err := json.Unmarshal(out, &sent); err != nil {
		return receipt{}, err
	}
	if sent.Code != 0 {
		return receipt{}, &sent.refusal
	}
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		out, err := n.run(ctx, "query", "tx", sent.Hash, "--node", n.address(), "--output", "json")
		if err != nil {
			continue // not in a block yet
		}
		var result struct {
			refusal
			Height string `json:"height"`
			Gas    string `json:"gas_used"`
		}
		if err := json.Unmarshal(out, &result); err != nil {
			return receipt{}, err
		}
		height, err := strconv.ParseInt(result.Height, 10, 64)
		if err != nil {
			return receipt{}, err
		}
		r := receipt{height: height, gas: result.Gas}
		if result.Code != 0 {
			result.inBlock = true
			return r, &result.refusal
		}
		return r, nil
	}
	return receipt{}, fmt.Errorf("transaction %s did not get into a block", sent.Hash)
}
