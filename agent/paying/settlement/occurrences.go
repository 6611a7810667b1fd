package settlement

// occurrences counts hashes: half a million of them in 8 MB, half of what a map would take.
type occurrences struct {
	slots []uint64 // a power of two of them; 0 is free
	used  int
	again map[uint64]int // counts above one
}

// count adds one occurrence of a hash, and returns its count.
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

// has gives a hash's count.
func (o *occurrences) has(hash uint64) int {
	if hash == 0 {
		hash = 1
	}
	if len(o.slots) == 0 || o.slots[o.place(hash)] == 0 {
		return 0
	}
	return o.again[hash] + 1
}

// place is the slot of a hash, or the free slot for it.
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
