package settlement

// occurrences counts hashes: half a million of them in 8 MB, of which a map would take twice that.
type occurrences struct {
	slots []uint64 // a power of two of them; 0 is free
	used  int
	again map[uint64]int // those that came more than once
}

// count notes one more, and tells the how-manieth it is.
func (o *occurrences) count(hash uint64) int {
	if hash == 0 {
		hash = 1
	}
	if 4*(o.used+1) > 3*len(o.slots) {
		o.grow()
	}
	at := o.place(hash)
	if o.slots[at] == 0 {
		o.slots[at] = hash
		o.used++
		return 1
	}
	if o.again == nil {
		o.again = make(map[uint64]int)
	}
	o.again[hash]++
	return o.again[hash] + 1
}

// place is where a hash stands, or would.
func (o *occurrences) place(hash uint64) uint64 {
	mask := uint64(len(o.slots) - 1)
	at := hash & mask
	for o.slots[at] != 0 && o.slots[at] != hash {
		at = (at + 1) & mask
	}
	return at
}

func (o *occurrences) grow() {
	old := o.slots
	o.slots = make([]uint64, max(1024, 2*len(old)))
	for _, hash := range old {
		if hash != 0 {
			o.slots[o.place(hash)] = hash
		}
	}
}
