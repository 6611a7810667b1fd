// Package salvage reads a bbolt file without bbolt, page by page with plain reads, and checks everything it reads: a wrong
// page ends neither the reading nor the process. It finds the entries in the tree, and every envelope in the file, also
// outside of the tree (store.md 13). It knows pages and envelopes, no keys and no domain. Package store is its only caller.
package salvage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"pdvagent/agent/osfile"
	"pdvagent/store/internal/envelope"
)

// ErrNoTree says that both meta pages are damaged: the file can only be searched.
var ErrNoTree = errors.New("both meta pages are damaged")

const (
	pageHeader = 16
	element    = 16
	metaMagic  = 0xED0CDAED
	metaFormat = 2
	metaLen    = 64 // magic to txid, and the checksum over those 56 bytes

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
	flagBucket   = 0x01 // of a leaf's element

	maxPages = 1 << 28
)

// File is an open database file, read only.
type File struct {
	file     *os.File
	size     int64
	pageSize int64
	root     uint64
	freelist uint64
	pages    uint64 // high-water mark
	hasMeta  bool   // a meta page is undamaged
	metas    int    // undamaged meta pages
}

// Open opens the file. One with damaged meta pages opens too: it can be searched.
func Open(path string) (*File, error) {
	file, err := osfile.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f := &File{file: file, size: info.Size(), pageSize: int64(os.Getpagesize())}
	f.readMetas()
	return f, nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// readMetas takes the newer of the undamaged meta pages. The second one is after the first page, whose size only a meta page
// tells: every usual size is tried.
func (f *File) readMetas() {
	var newest uint64
	places := []int64{0}
	for size := int64(1 << 10); size <= 1<<16; size *= 2 {
		places = append(places, size)
	}
	for _, at := range places {
		head := make([]byte, pageHeader+metaLen)
		if _, err := f.file.ReadAt(head, at); err != nil {
			continue
		}
		meta := head[pageHeader:]
		sum := fnv.New64a()
		_, _ = sum.Write(meta[:56]) // a hash never fails
		pageSize := int64(binary.LittleEndian.Uint32(meta[8:]))
		if binary.LittleEndian.Uint32(meta) != metaMagic || binary.LittleEndian.Uint32(meta[4:]) != metaFormat ||
			binary.LittleEndian.Uint64(meta[56:]) != sum.Sum64() || (at != 0 && at != pageSize) || pageSize < 1<<10 {
			continue
		}
		f.metas++
		txid := binary.LittleEndian.Uint64(meta[48:])
		if f.hasMeta && txid < newest {
			continue
		}
		f.hasMeta, newest, f.pageSize = true, txid, pageSize
		f.root, f.freelist = binary.LittleEndian.Uint64(meta[16:]), binary.LittleEndian.Uint64(meta[32:])
		f.pages = binary.LittleEndian.Uint64(meta[40:])
	}
	if f.pages > maxPages {
		f.hasMeta = false
	}
}

// BothMetas tells whether both meta pages are undamaged: the tree is of the newest commit then.
func (f *File) BothMetas() bool { return f.hasMeta && f.metas == 2 }

// present is the number of pages in the file: fewer than f.pages in a file that was cut.
func (f *File) present() uint64 { return min(f.pages, uint64(f.size/f.pageSize)) }

// page is a page with its overflow pages.
type page struct {
	id    uint64
	flags uint16
	count int
	data  []byte // header included
}

// read gives a page, and checks the number in its header.
func (f *File) read(id uint64) (page, error) {
	p, err := f.readAny(id)
	if err == nil && p.id != id {
		err = fmt.Errorf("page %d says that it is page %d", id, p.id)
	}
	return p, err
}

func (f *File) readAny(id uint64) (page, error) {
	if id >= f.pages {
		return page{}, fmt.Errorf("page %d is beyond the last one, %d", id, f.pages)
	}
	var head [pageHeader]byte
	if _, err := f.file.ReadAt(head[:], int64(id)*f.pageSize); err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}
	p := page{
		id: binary.LittleEndian.Uint64(head[:]), flags: binary.LittleEndian.Uint16(head[8:]),
		count: int(binary.LittleEndian.Uint16(head[10:])),
	}
	run := 1 + uint64(binary.LittleEndian.Uint32(head[12:]))
	if id+run > f.pages {
		return page{}, fmt.Errorf("page %d flows over the end of the file", id)
	}
	p.data = make([]byte, int64(run)*f.pageSize)
	if _, err := f.file.ReadAt(p.data, int64(id)*f.pageSize); err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}
	return p, nil
}

// entry is one element of a page: a key with its value or its child page.
type entry struct {
	key, value []byte
	flags      uint32
	child      uint64
}

// entries gives the elements of a leaf or branch page.
func (p page) entries() ([]entry, error) {
	if p.flags != flagLeaf && p.flags != flagBranch {
		return nil, fmt.Errorf("page %d is neither branch nor leaf: %#x", p.id, p.flags)
	}
	list := make([]entry, 0, p.count)
	for i := range p.count {
		at := pageHeader + i*element
		if at+element > len(p.data) {
			return nil, fmt.Errorf("page %d has %d elements and no room for them", p.id, p.count)
		}
		head := p.data[at : at+element]
		var e entry
		var pos, keyLen, valueLen uint64
		if p.flags == flagLeaf {
			e.flags = binary.LittleEndian.Uint32(head)
			pos, keyLen = uint64(binary.LittleEndian.Uint32(head[4:])), uint64(binary.LittleEndian.Uint32(head[8:]))
			valueLen = uint64(binary.LittleEndian.Uint32(head[12:]))
		} else {
			pos, keyLen = uint64(binary.LittleEndian.Uint32(head)), uint64(binary.LittleEndian.Uint32(head[4:]))
			e.child = binary.LittleEndian.Uint64(head[8:])
		}
		start := uint64(at) + pos
		if start+keyLen+valueLen > uint64(len(p.data)) {
			return nil, fmt.Errorf("page %d: element %d lies outside", p.id, i)
		}
		e.key, e.value = p.data[start:start+keyLen], p.data[start+keyLen:start+keyLen+valueLen]
		list = append(list, e)
	}
	return list, nil
}

// freePages gives the pages of the free list.
func (f *File) freePages() ([]bool, error) {
	p, err := f.read(f.freelist)
	if err != nil {
		return nil, err
	}
	if p.flags != flagFreelist {
		return nil, fmt.Errorf("page %d is no free list: %#x", p.id, p.flags)
	}
	ids, count := p.data[pageHeader:], uint64(p.count)
	if p.count == 0xFFFF { // the count is the first number then
		count, ids = binary.LittleEndian.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return nil, fmt.Errorf("free list of %d pages in %d bytes", count, len(ids))
	}
	free := make([]bool, f.present())
	for i := range count {
		id := binary.LittleEndian.Uint64(ids[i*8:])
		if id < 2 || id >= f.pages || is(free, id) {
			return nil, fmt.Errorf("free list names page %d", id)
		}
		if id < f.present() {
			free[id] = true
		}
	}
	return free, nil
}

// window is the part of a file that is searched at a time, in bytes; two of them hold the largest envelope.
const window = 4 << 20

// Search finds every undamaged envelope in the file, in the order of bytes. raw is valid only during the call.
func (f *File) Search(each func(offset int64, h envelope.Header, raw []byte) error) error {
	buffer := make([]byte, 2*window)
	for start := int64(0); start < f.size; start += window {
		chunk := f.fill(buffer, start)
		for at := 0; at < min(window, len(chunk)); at++ {
			next := bytes.Index(chunk[at:], envelope.Magic())
			if next < 0 || at+next >= window {
				break
			}
			at += next
			h, _, err := envelope.Peek(chunk[at:])
			if err != nil {
				continue
			}
			if err := each(start+int64(at), h, chunk[at:at+envelope.Len(chunk[at:])]); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill reads up to the end of the file. A page that the disk cannot read is filled with zeros, so that the rest is found.
func (f *File) fill(buffer []byte, start int64) []byte {
	n, err := f.file.ReadAt(buffer, start)
	if err == nil || errors.Is(err, io.EOF) {
		return buffer[:n]
	}
	buffer = buffer[:min(int64(len(buffer)), f.size-start)]
	for at := int64(0); at < int64(len(buffer)); at += f.pageSize {
		page := buffer[at:min(at+f.pageSize, int64(len(buffer)))]
		if _, err := f.file.ReadAt(page, start+at); err != nil {
			clear(page)
		}
	}
	return buffer
}

// ReadAt gives an envelope that [File.Search] found.
func (f *File) ReadAt(offset int64, size int) ([]byte, error) {
	raw := make([]byte, size)
	_, err := f.file.ReadAt(raw, offset)
	return raw, err
}

// Size is the length of the file in bytes.
func (f *File) Size() int64 { return f.size }
