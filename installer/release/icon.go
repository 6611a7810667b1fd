package main

import (
	"errors"
	"image"
	"image/color"
	"os"

	"github.com/tc-hib/winres"
)

// drawn is the icon, 16 x 16: a receipt with a tick. '#' is paper, '=' print, 'v' the tick.
var drawn = [16]string{
	"................",
	"....########....",
	"....########....",
	"....#==#===#....",
	"....########....",
	"....#====#=#....",
	"....########..v.",
	"....#==#==##.vv.",
	"....########vv..",
	"....#v##=##vv...",
	"....#vv###vv....",
	"....##vv#vv.....",
	"....###vvv#.....",
	"....####v##.....",
	"....#.##.#.#....",
	"................",
}

// icon draws every size from the same points.
func icon() (*winres.Icon, error) {
	var images []image.Image
	for _, size := range []int{16, 32, 48, 256} {
		img := image.NewNRGBA(image.Rect(0, 0, size, size))
		for y := range size {
			for x := range size {
				img.SetNRGBA(x, y, shade(drawn[y*16/size][x*16/size]))
			}
		}
		images = append(images, img)
	}
	return winres.NewIconFromImages(images)
}

func shade(point byte) color.NRGBA {
	switch point {
	case '#':
		return color.NRGBA{0xf4, 0xf4, 0xee, 0xff}
	case '=':
		return color.NRGBA{0x60, 0x68, 0x70, 0xff}
	case 'v':
		return color.NRGBA{0x12, 0x8a, 0x4a, 0xff}
	}
	return color.NRGBA{}
}

func writeIcon(path string) error {
	drawing, err := icon()
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(drawing.SaveICO(file), file.Close())
}
