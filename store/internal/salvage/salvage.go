// Package salvage reads a bbolt file without bbolt: page by page through plain reads, believing nothing. A page that lies
// about itself ends neither the reading nor the process. It finds what the tree still reaches, and every envelope
// anywhere in the file, also where no page leads any more (store.md 13). It knows pages and envelopes, no keys and no
// domain; only package store uses it.
package salvage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"pdvagent/store/internal/envelope"
)

// ErrNoTree says that neither of the two meta pages is sound: only a search of the bytes is left.
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
	sound    bool   // there is a meta page
}

// Open opens the file. One without a sound meta page opens too: it can be searched.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
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

// readMetas takes the newer of the sound meta pages. The second one stands after the first page, whose size only a meta
// page tells: every size that machines have is tried.
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
		txid := binary.LittleEndian.Uint64(meta[48:])
		if f.sound && txid < newest {
			continue
		}
		f.sound, newest, f.pageSize = true, txid, pageSize
		f.root, f.freelist = binary.LittleEndian.Uint64(meta[16:]), binary.LittleEndian.Uint64(meta[32:])
		f.pages = binary.LittleEndian.Uint64(meta[40:])
	}
	if f.pages > maxPages {
		f.sound = false
	}
}

// there is how many pages can be in the file: fewer than there should be where it was cut.
func (f *File) there() uint64 { return min(f.pages, uint64(f.size/f.pageSize)) }

// page is one page with all that flows over.
type page struct {
	id    uint64
	flags uint16
	count int
	data  []byte // header included
}

// read gives a page that says of itself what it must say.
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

// entry is one element of a page: a key with its value, or with the page below it.
type entry struct {
	key, value []byte
	flags      uint32
	below      uint64
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
			e.below = binary.LittleEndian.Uint64(head[8:])
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

// freePages gives what the free list names.
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
	free := make([]bool, f.there())
	for i := range count {
		id := binary.LittleEndian.Uint64(ids[i*8:])
		if id < 2 || id >= f.pages || is(free, id) {
			return nil, fmt.Errorf("free list names page %d", id)
		}
		if id < f.there() {
			free[id] = true
		}
	}
	return free, nil
}

// window is how much of a file is searched at a time; the largest envelope lies whole in two of them.
const window = 4 << 20

// Search finds every sound envelope of the file, wherever it lies, in the order of its bytes. raw is valid during the call.
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

// fill reads as much as there is. Where a sector of the disk cannot be read the page is zeros: around it all is found.
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
