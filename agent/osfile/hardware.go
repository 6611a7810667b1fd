package osfile

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"slices"
	"strings"
)

// Hardware gives a hash of each part by which this machine is known again: its board, its network cards, on Linux its disks.
// Parts without an id of their own, and what this account may not read, are left out; there may be none. A repair changes
// one part, a copied disk image meets none of them again.
func Hardware() []string {
	var list []string
	for _, id := range hardwareIDs() {
		id = strings.ToLower(strings.TrimSpace(id))
		if !ownID(id) {
			continue
		}
		sum := sha256.Sum256([]byte("pdvagent hardware " + id))
		list = append(list, hex.EncodeToString(sum[:8]))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// ownID tells whether an id is one that a maker gave to this part alone. Cheap boards all have the same few.
func ownID(id string) bool {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdef", r) {
			return r
		}
		return -1
	}, id)
	return len(id) >= 6 && strings.Trim(digits, "0") != "" && strings.Trim(digits, "f") != "" &&
		!strings.HasPrefix(digits, "0300020004000500") && !strings.HasPrefix(digits, "0002000300040005") && !strings.HasPrefix(digits, "12345678123456789")
}

// cards gives the addresses that makers gave to the network cards that keep takes, by their names.
func cards(keep func(name string) bool) []string {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var list []string
	for _, card := range interfaces {
		const local = 2 // bit of the first byte: an address that no maker gave
		if len(card.HardwareAddr) == 6 && card.HardwareAddr[0]&local == 0 && keep(card.Name) {
			list = append(list, card.HardwareAddr.String())
		}
	}
	return list
}
