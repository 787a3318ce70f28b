package watch

import (
	"bytes"
	"fmt"
	"strings"
)

// frames is a writer that cuts the output of probe.sh into frames.
type frames struct {
	each func(frame) // gets each complete frame
	rest []byte      // the beginning of the next one
}

// frame has the text of each section by its name, without the end of its last line.
type frame map[string]string

// maxFrame is far more than a scrape of the server takes, which is below 200 KB.
const maxFrame = 4 << 20

const sectionMark = "@@"

var frameEnd = []byte("\n@@end\n")

func (f *frames) Write(p []byte) (int, error) {
	looked := max(0, len(f.rest)-len(frameEnd))
	rest := append(f.rest, p...)
	for {
		i := bytes.Index(rest[looked:], frameEnd)
		if i < 0 {
			break
		}
		end := looked + i
		f.each(split(string(rest[:end])))
		rest, looked = rest[end+len(frameEnd):], 0
	}
	f.rest = append(f.rest[:0], rest...)
	if len(f.rest) > maxFrame {
		return 0, fmt.Errorf("a frame of more than %d bytes", maxFrame)
	}
	return len(p), nil
}

func split(text string) frame {
	f := frame{}
	for _, section := range strings.Split("\n"+text, "\n"+sectionMark)[1:] {
		name, body, _ := strings.Cut(section, "\n")
		f[name] = body
	}
	return f
}
