package ui_test

import (
	"bytes"
	"cmp"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"isuride/webapp/servertest"
)

var update = flag.Bool("update", false, "rewrite the stored pictures")

const (
	// channelTolerance is how far a colour may be off, of 65,535: edges of letters are drawn
	// a little differently by other releases of the browser and its fonts.
	channelTolerance = 0x2000
	// pixelTolerance is the share of pixels that may be farther off. The free chairs alone are
	// three times that.
	pixelTolerance = 0.0005
)

// TestPictures compares the city at three sizes with pictures in testdata, one of which the
// README begins with. The city in them is made by test/scene.mjs, at a fixed time.
func TestPictures(t *testing.T) {
	needsBrowser(t)
	t.Parallel()
	p := servertest.New(t)
	folder := t.TempDir()
	launch(t).play(t, p, "pictures", folder)
	for _, name := range []string{"city-1440.png", "city-768.png", "city-360.png"} {
		compare(t, filepath.Join(folder, name), filepath.Join("testdata", name))
	}
}

func compare(t *testing.T, made, stored string) {
	t.Helper()
	if *update {
		content, err := os.ReadFile(made)
		if err == nil {
			err = os.WriteFile(stored, content, 0o644)
		}
		if err != nil {
			t.Error(err)
		}
		return
	}
	got, want := decode(t, made), decode(t, stored)
	if got == nil || want == nil {
		return
	}
	if share := difference(got, want); share > pixelTolerance {
		t.Errorf("%s: %.2f %% of the pixels differ, %.2f %% may. If the change is meant, rewrite it with make picture and look at it",
			stored, 100*share, 100*pixelTolerance)
	}
}

func decode(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return nil
	}
	return picture
}

// difference returns the share of pixels that differ visibly; 1 if the sizes do.
func difference(a, b image.Image) float64 {
	if a.Bounds() != b.Bounds() {
		return 1
	}
	differ, box := 0, a.Bounds()
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			if far(r1, r2) || far(g1, g2) || far(b1, b2) {
				differ++
			}
		}
	}
	return float64(differ) / float64(box.Dx()*box.Dy())
}

func far(a, b uint32) bool { return max(a, b)-min(a, b) > channelTolerance }

// film is what the docs show of a living city.
const film = "../docs/city.gif"

// TestFilm makes it with -update. Nothing compares it: TestPictures has the same city.
func TestFilm(t *testing.T) {
	if !*update {
		t.Skip("the film is only made: make picture")
	}
	needsBrowser(t)
	folder := t.TempDir()
	launch(t).play(t, servertest.New(t), "film", folder)
	frames, err := filepath.Glob(filepath.Join(folder, "film-*.png"))
	if err != nil || len(frames) == 0 {
		t.Fatal("there are no frames", err)
	}
	made := gif.GIF{}
	var colors color.Palette
	var before *image.Paletted
	for _, path := range frames {
		picture := decode(t, path)
		if colors == nil {
			colors = paletteOf(picture)
		}
		whole := image.NewPaletted(picture.Bounds(), colors)
		draw.Draw(whole, whole.Rect, picture, image.Point{}, draw.Src)
		made.Image = append(made.Image, changed(before, whole))
		made.Delay = append(made.Delay, 10) // hundredths of a second
		made.Disposal = append(made.Disposal, gif.DisposalNone)
		before = whole
	}
	var file bytes.Buffer
	if err := gif.EncodeAll(&file, &made); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d frames, %d KiB", len(frames), file.Len()>>10)
	if err := os.WriteFile(film, file.Bytes(), 0o644); err != nil {
		t.Error(err)
	}
}

// paletteOf returns the most frequent colours, and a transparent one first.
func paletteOf(picture image.Image) color.Palette {
	times := map[color.RGBA]int{}
	box := picture.Bounds()
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			times[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)]++
		}
	}
	found := slices.SortedFunc(maps.Keys(times), func(a, b color.RGBA) int {
		return cmp.Or(times[b]-times[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	colors := color.Palette{color.Transparent}
	for _, c := range found[:min(len(found), 255)] {
		colors = append(colors, c)
	}
	return colors
}

// changed returns a frame in which what stays is transparent.
func changed(before, now *image.Paletted) *image.Paletted {
	if before == nil {
		return now
	}
	rest := image.NewPaletted(now.Rect, now.Palette)
	for i, c := range now.Pix {
		if c != before.Pix[i] {
			rest.Pix[i] = c
		}
	}
	return rest
}
