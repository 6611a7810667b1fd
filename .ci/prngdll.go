//go:build ignore

// Command prngdll writes a bcryptprimitives.dll for Wine versions that lack it: one export, ProcessPrng, forwarded to
// advapi32.SystemFunction036 (RtlGenRandom). Go programs ask for it at their start.
package main

import (
	"bytes"
	"encoding/binary"
	"os"
)

const (
	align   = 0x200  // of the file
	section = 0x1000 // where the only section is mapped
)

func main() {
	if err := os.WriteFile(os.Args[1], dll(), 0o644); err != nil {
		panic(err)
	}
}

// exports is the section: export directory, its three tables, and the three names.
func exports() []byte {
	name, export, forward := "bcryptprimitives.dll\x00", "ProcessPrng\x00", "advapi32.SystemFunction036\x00"
	const names = 52 // after the directory (40) and the tables (4 + 4 + 2, and two bytes of padding)
	nameAt := uint32(section + names)
	exportAt := nameAt + uint32(len(name))
	forwardAt := exportAt + uint32(len(export))
	var b bytes.Buffer
	put(&b, uint32(0), uint32(0), uint32(0), nameAt, uint32(1), uint32(1), uint32(1), uint32(section+40), uint32(section+44), uint32(section+48))
	put(&b, forwardAt, exportAt, uint16(0), uint16(0))
	b.WriteString(name + export + forward)
	return b.Bytes()
}

func dll() []byte {
	data := exports()
	raw := uint32((len(data) + align - 1) / align * align)
	var b bytes.Buffer
	b.WriteString("MZ")
	b.Write(make([]byte, 58))
	put(&b, uint32(64))
	b.WriteString("PE\x00\x00")
	put(&b, uint16(0x8664), uint16(1), uint32(0), uint32(0), uint32(0), uint16(240), uint16(0x2022))
	put(&b, uint16(0x20b), uint8(14), uint8(0), uint32(0), raw, uint32(0), uint32(0), uint32(section))
	put(&b, uint64(0x180000000), uint32(section), uint32(align), uint16(6), uint16(0), uint16(0), uint16(0), uint16(6), uint16(0), uint32(0),
		uint32(section*2), uint32(align), uint32(0), uint16(3), uint16(0x0100),
		uint64(0x100000), uint64(0x1000), uint64(0x100000), uint64(0x1000), uint32(0), uint32(16))
	put(&b, uint32(section), uint32(len(data)))
	b.Write(make([]byte, 15*8))
	b.WriteString(".rdata\x00\x00")
	put(&b, uint32(len(data)), uint32(section), raw, uint32(align), uint32(0), uint32(0), uint16(0), uint16(0), uint32(0x40000040))
	b.Write(make([]byte, align-b.Len()))
	b.Write(data)
	b.Write(make([]byte, int(raw)-len(data)))
	return b.Bytes()
}

func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		if err := binary.Write(b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
}
