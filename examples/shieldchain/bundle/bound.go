package bundle

import "encoding/binary"

// Bound returns what a bundle's signatures bind beside its effects: the chain's id,
// the account that pays, and the account that receives what leaves the pool, empty
// if nothing does; both are bech32 addresses. Each is its length as a little-endian
// uint32, and its bytes. So a bundle is of use on no other chain, to no other payer
// and for no other recipient.
func Bound(chainID, sender, recipient string) []byte {
	var out []byte
	for _, text := range []string{chainID, sender, recipient} {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(text)))
		out = append(out, text...)
	}
	return out
}
