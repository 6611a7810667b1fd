package pix

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"rsc.io/qr"

	"pdvagent/agent"
)

// Static is what a static code says.
type Static struct {
	Key         string      // at most 77 bytes
	Description string      // at most 73 bytes less the key's
	Name        string      // at most 25 characters, without accents
	City        string      // at most 15 characters, without accents
	Amount      agent.Cents // 0: the payer says it
	TxID        string      // letters and digits, at most 25; empty: ***
}

// Build gives the code of a static Pix.
func Build(s Static) (string, error) {
	if s.TxID == "" {
		s.TxID = "***"
	}
	switch {
	case s.Key == "" || len(s.Key) > 77:
		return "", errors.New("key must have 1 to 77 bytes")
	case s.Description != "" && len(s.Description) > 73-len(s.Key):
		return "", fmt.Errorf("description must have at most %d bytes beside this key", max(73-len(s.Key), 0))
	case s.Name == "" || len(s.Name) > 25 || !ascii(s.Name):
		return "", errors.New("name must have 1 to 25 characters without accents")
	case s.City == "" || len(s.City) > 15 || !ascii(s.City):
		return "", errors.New("city must have 1 to 15 characters without accents")
	case s.Amount < 0:
		return "", errors.New("amount must not be negative")
	case s.TxID != "***" && (len(s.TxID) > 25 || !alphanumeric(s.TxID)):
		return "", errors.New("txid must have at most 25 letters and digits")
	}
	account := field("00", GUI) + field("01", s.Key)
	if s.Description != "" {
		account += field("02", s.Description)
	}
	text := field(idFormat, "01") + field("26", account) + field("52", "0000") + field(idCurrency, "986")
	if s.Amount > 0 {
		text += field(idAmount, s.Amount.String())
	}
	text += field(idCountry, "BR") + field(idName, s.Name) + field(idCity, s.City) + field(idMore, field("05", s.TxID)) + idCRC + "04"
	return text + CRC(text), nil
}

// Dynamic is what a dynamic code says: its charge stands at a location.
type Dynamic struct {
	Location string // host and path, without a scheme
	Name     string
	City     string
	Amount   agent.Cents // 0: the location says it
}

// BuildDynamic gives the code of a dynamic Pix, by the manual's order of fields, without a check of what it says: banks make
// such codes, and here their simulators.
func BuildDynamic(d Dynamic) string {
	text := field(idFormat, "01") + field("01", "12") + field("26", field("00", GUI)+field("25", d.Location)) + field("52", "0000") + field(idCurrency, "986")
	if d.Amount > 0 {
		text += field(idAmount, d.Amount.String())
	}
	text += field(idCountry, "BR") + field(idName, d.Name) + field(idCity, d.City) + field(idMore, field("05", "***")) + idCRC + "04"
	return text + CRC(text)
}

func field(id, value string) string { return fmt.Sprintf("%s%02d%s", id, len(value), value) }

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

func alphanumeric(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}

// Scales of a drawing: pixels of one module.
const (
	DefaultScale = 6
	MaxScale     = 20
)

// PNG draws a code, with the quiet zone around it that readers want. scale is pixels per module, 1 to [MaxScale].
func PNG(text string, scale int) ([]byte, error) {
	if scale < 1 || scale > MaxScale {
		return nil, fmt.Errorf("scale must be 1 to %d", MaxScale)
	}
	drawn, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture(drawn, scale)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// picture draws each module of a code as a square of scale points, inside the quiet zone. The library's own drawings do not
// serve: its Image keeps a module a point whatever the scale, and its PNG panics at some scales.
func picture(code *qr.Code, scale int) image.Image {
	const quiet = 4 // modules
	side := (code.Size + 2*quiet) * scale
	drawn := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			if code.Black(x/scale-quiet, y/scale-quiet) {
				drawn.SetColorIndex(x, y, 1)
			}
		}
	}
	return drawn
}
