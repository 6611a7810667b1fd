package envelope_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"pdvagent/store/internal/envelope"
)

func key(t testing.TB, id uint32) *envelope.Key {
	t.Helper()
	k, err := envelope.NewKey(id, bytes.Repeat([]byte{byte(id)}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ring(keys ...*envelope.Key) func(uint32) *envelope.Key {
	return func(id uint32) *envelope.Key {
		for _, k := range keys {
			if k.ID == id {
				return k
			}
		}
		return nil
	}
}

func TestWhatIsSealedOpensAsItWas(t *testing.T) {
	k := key(t, 7)
	rapid.Check(t, func(rt *rapid.T) {
		h := envelope.Header{
			Bucket: rapid.Byte().Draw(rt, "bucket"), Tag: rapid.Byte().Draw(rt, "tag"), Key: rapid.SliceOfN(rapid.Byte(), 0, 255).Draw(rt, "key"),
			Sequence: rapid.Uint64().Draw(rt, "seq"), Version: rapid.Uint64().Draw(rt, "version"),
		}
		payload := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(rt, "payload")
		sealed, err := envelope.Seal(k, h, payload)
		if err != nil {
			rt.Fatal(err)
		}
		trailing := append(bytes.Clone(sealed), "more"...)
		got, opened, err := envelope.Open(trailing, ring(k))
		if err != nil || !bytes.Equal(opened, payload) || got.Bucket != h.Bucket || got.Tag != h.Tag || !bytes.Equal(got.Key, h.Key) ||
			got.Sequence != h.Sequence || got.Version != h.Version || got.KeyID != 7 || envelope.Len(trailing) != len(sealed) {
			rt.Fatalf("got %+v, %v", got, err)
		}
	})
}

func TestEveryFlippedBitAndEveryCutIsFound(t *testing.T) {
	k := key(t, 7)
	sealed, err := envelope.Seal(k, envelope.Header{Bucket: 2, Key: []byte("key"), Sequence: 5}, []byte("what the till sent"))
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(sealed) * 8 {
		damaged := bytes.Clone(sealed)
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, _, err := envelope.Open(damaged, ring(k)); !errors.Is(err, envelope.ErrDamaged) {
			t.Fatalf("bit %d: got %v", bit, err)
		}
	}
	for size := range sealed {
		if _, _, err := envelope.Open(sealed[:size], ring(k)); !errors.Is(err, envelope.ErrDamaged) {
			t.Fatalf("cut to %d bytes: got %v", size, err)
		}
	}
}

func TestWithoutItsKeyOnlyTheHeaderShows(t *testing.T) {
	sealed, err := envelope.Seal(key(t, 7), envelope.Header{Tag: 0x19, Sequence: 5}, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("the payload stands in clear")
	}
	h, payload, err := envelope.Open(sealed, ring(key(t, 8)))
	if !errors.Is(err, envelope.ErrUnknownKey) || payload != nil || h.Tag != 0x19 || h.Sequence != 5 {
		t.Errorf("got %+v, %q, %v", h, payload, err)
	}
	wrong, _ := envelope.NewKey(7, bytes.Repeat([]byte{9}, 32))
	if _, _, err := envelope.Open(sealed, ring(wrong)); !errors.Is(err, envelope.ErrDamaged) {
		t.Errorf("another secret under the same id: got %v", err)
	}
}

func TestSealRefusesWhatDoesNotFit(t *testing.T) {
	k := key(t, 7)
	if _, err := envelope.Seal(k, envelope.Header{Key: make([]byte, 256)}, nil); err == nil {
		t.Error("a bucket key of 256 bytes was taken")
	}
	if _, err := envelope.Seal(k, envelope.Header{}, make([]byte, envelope.MaxPayload+1)); err == nil {
		t.Error("a payload over the limit was taken")
	}
	if _, err := envelope.NewKey(0, make([]byte, 32)); err == nil {
		t.Error("the reserved key id was taken")
	}
}

func FuzzOpen(f *testing.F) {
	k := key(f, 7)
	sealed, err := envelope.Seal(k, envelope.Header{Key: []byte("k")}, []byte("payload"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte{0xA7, 'P', 'D', 'V', 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, payload, err := envelope.Open(data, ring(k)); err == nil && envelope.Len(data) > len(data) {
			t.Fatalf("%d bytes hold %d", len(data), len(payload))
		}
	})
}
