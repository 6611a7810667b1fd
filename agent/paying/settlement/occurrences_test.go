package settlement

import (
	"testing"

	"pgregory.net/rapid"
)

func TestOccurrencesAreCountedAsAMapWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o occurrences
		want := make(map[uint64]int)
		for _, hash := range rapid.SliceOfN(rapid.Uint64Range(0, 4000), 0, 5000).Draw(t, "hashes") {
			hash *= 0x9e3779b97f4a7c15
			key := max(hash, 1)
			want[key]++
			if got := o.count(hash); got != want[key] {
				t.Fatalf("%x: %d, want %d", hash, got, want[key])
			}
		}
	})
}
