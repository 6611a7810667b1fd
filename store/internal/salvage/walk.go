package salvage

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Tree is what a walk has found out about the pages of a file.
type Tree struct {
	Faults []error // nothing of the list means that the structure is sound

	reached []bool // by page: the tree leads there
	free    []bool // by page: the free list names it; nil when the list is damaged
	whole   []bool // by page: neither of the two, and part of a run that says of itself what it must say
	size    int64  // of a page
}

// Live tells whether what lies at the offset belongs to the newest commit: the tree leads there, or, where the tree is
// broken, the page is in use and is what it says. Everything else may be of an earlier time.
func (t *Tree) Live(offset int64) bool {
	if t == nil || t.size == 0 {
		return false
	}
	id := uint64(offset / t.size)
	return is(t.reached, id) || is(t.whole, id)
}

// is tells whether a page is one of the list. Pages beyond the end of a file that was cut are in none.
func is(list []bool, id uint64) bool { return id < uint64(len(list)) && list[id] }

// walker goes through a tree and goes on after every fault.
type walker struct {
	*File
	tree *Tree
	each func(bucket string, key, value []byte) error
}

// Walk goes through the whole tree and calls each (unless nil) for every entry of every bucket at the top. What is wrong,
// in the structure or in the judgement of each, is in the result. Without a sound meta page there is no tree: ErrNoTree.
func (f *File) Walk(each func(bucket string, key, value []byte) error) (*Tree, error) {
	if !f.sound {
		return nil, ErrNoTree
	}
	w := walker{File: f, each: each, tree: &Tree{reached: make([]bool, f.there()), size: f.pageSize}}
	if f.size < int64(f.pages)*f.pageSize {
		w.fault("the file has %d bytes, its pages need %d", f.size, int64(f.pages)*f.pageSize)
	}
	var err error
	if w.tree.free, err = f.freePages(); err != nil {
		w.fault("%w", err)
	}
	w.mark(f.freelist)
	w.pages(f.root, "", nil)
	w.account()
	return w.tree, nil
}

func (w *walker) fault(format string, args ...any) {
	const enough = 1000
	if len(w.tree.Faults) < enough {
		w.tree.Faults = append(w.tree.Faults, fmt.Errorf(format, args...))
	}
}

// mark notes a page run as reached. A page that was reached before, or is free, is a fault, and not gone through.
func (w *walker) mark(id uint64) (page, bool) {
	p, err := w.read(id)
	if err != nil {
		w.fault("%w", err)
		return p, false
	}
	for at := id; at < id+uint64(len(p.data))/uint64(w.pageSize); at++ {
		if is(w.tree.reached, at) {
			w.fault("page %d is used twice", at)
			return p, false
		}
		if is(w.tree.free, at) {
			w.fault("page %d is used and free", at)
			return p, false
		}
	}
	for at := id; at < id+uint64(len(p.data))/uint64(w.pageSize); at++ {
		w.tree.reached[at] = true
	}
	return p, true
}

// pages goes through the page and all below it. above is the smallest key allowed.
func (w *walker) pages(id uint64, bucket string, above []byte) {
	p, ok := w.mark(id)
	if !ok {
		return
	}
	w.entries(p, bucket, above)
}

func (w *walker) entries(p page, bucket string, above []byte) {
	list, err := p.entries()
	if err != nil {
		w.fault("%w", err)
		return
	}
	for i, e := range list {
		if c := bytes.Compare(e.key, above); c < 0 || (c == 0 && i > 0) {
			w.fault("page %d: keys are not in order", p.id)
		}
		if len(e.key) == 0 { // bbolt never writes one, and gives up on it in the middle of a commit
			w.fault("page %d: an empty key", p.id)
		}
		above = e.key
		switch {
		case p.flags == flagBranch:
			w.pages(e.below, bucket, e.key)
		case e.flags&flagBucket != 0 && bucket == "":
			w.bucket(p, e)
		case bucket == "" || e.flags != 0:
			w.fault("page %d: an entry that belongs to no bucket", p.id)
		case w.each != nil:
			if err := w.each(bucket, e.key, e.value); err != nil {
				w.fault("%s %x: %w", bucket, e.key, err)
			}
		}
	}
}

// bucket goes into a bucket at the top: its own pages, or the small one that lies in the value.
func (w *walker) bucket(p page, e entry) {
	const head = 16
	if len(e.value) < head || len(e.key) == 0 {
		w.fault("page %d: bucket %q is cut", p.id, e.key)
		return
	}
	if root := binary.LittleEndian.Uint64(e.value); root != 0 {
		w.pages(root, string(e.key), nil)
		return
	}
	inline := e.value[head:]
	if len(inline) < pageHeader {
		w.fault("page %d: bucket %q is cut", p.id, e.key)
		return
	}
	w.entries(page{
		flags: binary.LittleEndian.Uint16(inline[8:]), count: int(binary.LittleEndian.Uint16(inline[10:])), data: inline,
	}, string(e.key), nil)
}

// account looks at every page that is neither reached nor free: in a sound file there is none. Where there are some, those
// that are what they say are of the newest commit too, and only the way to them is lost.
func (w *walker) account() {
	w.tree.whole = make([]bool, w.there())
	if w.tree.free == nil {
		return
	}
	for id := uint64(2); id < w.there(); id++ {
		if w.tree.reached[id] || w.tree.free[id] {
			continue
		}
		w.fault("page %d is neither used nor free", id)
		p, err := w.read(id)
		if err != nil || (p.flags != flagLeaf && p.flags != flagBranch) {
			continue
		}
		for at := id; at < id+uint64(len(p.data))/uint64(w.pageSize) && !is(w.tree.reached, at) && !is(w.tree.free, at); at++ {
			w.tree.whole[at] = true
			if at > id {
				w.fault("page %d is neither used nor free", at)
			}
		}
		id += uint64(len(p.data))/uint64(w.pageSize) - 1
	}
}

// Glance looks at what an opening trusts: a meta page, the length of the file, the free list, the top of every bucket.
func (f *File) Glance() error {
	if !f.sound {
		return ErrNoTree
	}
	if f.size < int64(f.pages)*f.pageSize {
		return fmt.Errorf("the file has %d bytes, its pages need %d", f.size, int64(f.pages)*f.pageSize)
	}
	if _, err := f.freePages(); err != nil {
		return err
	}
	return f.glanceAt(f.root, 0)
}

// glanceAt looks at the page that names the buckets, which may have grown branches.
func (f *File) glanceAt(id uint64, depth int) error {
	const deepest = 16
	p, err := f.read(id)
	if err != nil {
		return err
	}
	list, err := p.entries()
	if err != nil {
		return err
	}
	for _, e := range list {
		switch {
		case p.flags == flagBranch && depth < deepest:
			err = f.glanceAt(e.below, depth+1)
		case p.flags != flagLeaf || e.flags&flagBucket == 0 || len(e.value) < pageHeader:
			err = fmt.Errorf("page %d: an entry that is no bucket", p.id)
		default:
			err = f.glanceBucket(e.value)
		}
		if err != nil {
			return fmt.Errorf("bucket %s: %w", e.key, err)
		}
	}
	return nil
}

// glanceBucket looks at the first page of a bucket that has pages of its own.
func (f *File) glanceBucket(value []byte) error {
	root := binary.LittleEndian.Uint64(value)
	if root == 0 {
		return nil
	}
	p, err := f.read(root)
	if err == nil {
		_, err = p.entries()
	}
	return err
}

// Judges tells whether the tree can say of every page whether it is of the newest commit.
func (t *Tree) Judges() bool { return t != nil && t.free != nil }
