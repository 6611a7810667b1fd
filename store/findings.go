package store

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
	"pdvagent/store/internal/salvage"
)

// part is where the newest envelope of an entry was found.
type part struct {
	file    int
	offset  int64
	size    int
	tag     byte
	version uint64
	live    bool // of the newest commit of the present file; any other may be older than what was lost
}

// newer tells whether p is of a later time than q.
func (p part) newer(q part) bool {
	if p.live != q.live {
		return p.live
	}
	return p.version > q.version
}

// findings is what the envelopes of a damaged file and of older copies of it hold.
type findings struct {
	ring  *keyring.Ring
	files []*salvage.File
	parts map[byte]map[string]part // by bucket code and bucket key
	meta  *meta                    // the newest
	sure  bool                     // meta is of the newest commit
}

// search searches files. present tells that the first one is the store's present file. Close the result.
func search(ring *keyring.Ring, paths []string, present bool) (*findings, error) {
	f := &findings{ring: ring, parts: make(map[byte]map[string]part), meta: newMeta()}
	for i, path := range paths {
		file, err := salvage.Open(path)
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		f.files = append(f.files, file)
		if err := f.search(i, present && i == 0); err != nil {
			return nil, errors.Join(err, f.close())
		}
		if i == 0 {
			f.forgetUncommitted()
		}
	}
	return f, nil
}

// forgetUncommitted leaves out numbers of the present file that were never given: what a commit had written that was killed
// lies outside of the tree, from the next number of the newest commit on. Where a meta page is damaged the newest commit may
// be another one.
func (f *findings) forgetUncommitted() {
	if !f.sure || !f.files[0].BothMetas() {
		return
	}
	for _, b := range []bucket{bucketJob, bucketState, bucketReceipt} {
		maps.DeleteFunc(f.parts[b.code], func(key string, p part) bool {
			return !p.live && len(key) == 8 && seqOf([]byte(key)) >= f.meta.NextSeq
		})
	}
}

func (f *findings) close() error {
	var err error
	for _, file := range f.files {
		err = errors.Join(err, file.Close())
	}
	return err
}

// search notes the newest envelope of every entry of one file.
func (f *findings) search(index int, present bool) error {
	file := f.files[index]
	tree, err := file.Walk(nil)
	if err != nil && !errors.Is(err, salvage.ErrNoTree) {
		return err
	}
	return file.Search(func(offset int64, h envelope.Header, raw []byte) error {
		_, payload, err := envelope.Open(raw, f.ring.Key)
		if err != nil && !errors.Is(err, envelope.ErrUnknownKey) {
			return nil //nolint:nilerr // what does not authenticate is not the store's, whatever its checksum says
		}
		inTree := tree.Live(offset)
		if h.Bucket == bucketMeta.code {
			return f.noteMeta(h, payload, present && inTree)
		}
		if passing := h.Bucket == bucketEvent.code || h.Bucket >= firstRecordCode; passing && tree.Judges() && !inTree {
			return nil // an event or a record that was deleted or replaced
		}
		if f.parts[h.Bucket] == nil {
			f.parts[h.Bucket] = make(map[string]part)
		}
		found := part{index, offset, len(raw), h.Tag, h.Version, present && inTree}
		if known, ok := f.parts[h.Bucket][string(h.Key)]; !ok || found.newer(known) {
			f.parts[h.Bucket][string(h.Key)] = found
		}
		return nil
	})
}

// noteMeta keeps the store's own record of the latest commit.
func (f *findings) noteMeta(h envelope.Header, payload []byte, live bool) error {
	if string(h.Key) != string(metaState) || payload == nil {
		return nil
	}
	found := newMeta()
	if err := json.Unmarshal(payload, found); err != nil || f.sure {
		return nil //nolint:nilerr // another program's bytes
	}
	if live || found.Group >= f.meta.Group {
		f.meta, f.sure = found, live
	}
	return nil
}

// raw gives the bytes of an envelope.
func (f *findings) raw(p part) ([]byte, error) { return f.files[p.file].ReadAt(p.offset, p.size) }

func (f *findings) payload(p part) (envelope.Header, []byte, error) {
	raw, err := f.raw(p)
	if err != nil {
		return envelope.Header{}, nil, err
	}
	return openValue(f.ring, raw)
}

// keys gives the keys of a bucket in order.
func (f *findings) keys(b bucket) []string {
	keys := make([]string, 0, len(f.parts[b.code]))
	for key := range f.parts[b.code] {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, strings.Compare)
	return keys
}

// seqs gives the numbers of the jobs of which anything was found, in order.
func (f *findings) seqs() []uint64 {
	known := make(map[uint64]bool)
	for _, b := range []bucket{bucketJob, bucketState, bucketReceipt} {
		for key := range f.parts[b.code] {
			if len(key) == 8 {
				known[seqOf([]byte(key))] = true
			}
		}
	}
	maps.DeleteFunc(known, func(seq uint64, _ bool) bool { return f.meta.dropped(seq) }) // freed pages may still hold them
	seqs := make([]uint64, 0, len(known))
	for seq := range known {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	return seqs
}
