package salvage

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Tree is the result of a walk: what each page of a file is.
type Tree struct {
	Faults []error // none in an undamaged file

	reached []bool // by page: in the tree
	free    []bool // by page: in the free list; nil when the list is damaged
	orphan  []bool // by page: in neither, and an undamaged leaf or branch or its overflow
	size    int64  // of a page
}

// Live tells whether the bytes at an offset are of the newest commit: their page is in the tree, or, where the tree is
// broken, in use and undamaged. Any other page may be of an earlier commit.
func (t *Tree) Live(offset int64) bool {
	if t == nil || t.size == 0 {
		return false
	}
	id := uint64(offset / t.size)
	return is(t.reached, id) || is(t.orphan, id)
}

// is tells whether a page is in a list. Pages beyond the end of a file that was cut are in none.
func is(list []bool, id uint64) bool { return id < uint64(len(list)) && list[id] }

// walker walks through a tree and goes on after a fault.
type walker struct {
	*File
	tree *Tree
	each func(bucket string, key, value []byte) error
}

// Walk walks through the whole tree and calls each, unless nil, for every entry of every top-level bucket. Faults of the
// structure, and errors of each, are in the result. With damaged meta pages there is no tree: [ErrNoTree].
func (f *File) Walk(each func(bucket string, key, value []byte) error) (*Tree, error) {
	if !f.hasMeta {
		return nil, ErrNoTree
	}
	w := walker{File: f, each: each, tree: &Tree{reached: make([]bool, f.present()), size: f.pageSize}}
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

// mark notes a page and its overflow as reached. A page that is reached already, or free, is a fault; it is not walked.
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

// pages walks through a page and its descendants. above is the smallest key allowed.
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
		if len(e.key) == 0 { // bbolt never writes one, and panics on it during a commit
			w.fault("page %d: an empty key", p.id)
		}
		above = e.key
		switch {
		case p.flags == flagBranch:
			w.pages(e.child, bucket, e.key)
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

// bucket walks through a top-level bucket: its own pages, or an inline bucket in the value.
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

// account finds the pages that are neither reached nor free; an undamaged file has none. Undamaged ones among them are of the
// newest commit, and only the way to them is lost.
func (w *walker) account() {
	w.tree.orphan = make([]bool, w.present())
	if w.tree.free == nil {
		return
	}
	for id := uint64(2); id < w.present(); id++ {
		if w.tree.reached[id] || w.tree.free[id] {
			continue
		}
		w.fault("page %d is neither used nor free", id)
		p, err := w.read(id)
		if err != nil || (p.flags != flagLeaf && p.flags != flagBranch) {
			continue
		}
		for at := id; at < id+uint64(len(p.data))/uint64(w.pageSize) && !is(w.tree.reached, at) && !is(w.tree.free, at); at++ {
			w.tree.orphan[at] = true
			if at > id {
				w.fault("page %d is neither used nor free", at)
			}
		}
		id += uint64(len(p.data))/uint64(w.pageSize) - 1
	}
}

// Glance checks what an opening trusts: a meta page, the length of the file, the free list, the root of every bucket.
func (f *File) Glance() error {
	if !f.hasMeta {
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

// glanceAt checks a page of the list of buckets.
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
			err = f.glanceAt(e.child, depth+1)
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

// glanceBucket checks the root page of a bucket that is not inline.
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

// Judges tells whether Live is certain for every page.
func (t *Tree) Judges() bool { return t != nil && t.free != nil }
