// Package docs holds the pages about the server, and for programs the two documents that
// describe its interface: OpenAPI for the calls, AsyncAPI for the feed. They are written by
// hand as YAML, which has room for comments, and served as JSON. It leaves it to others how
// they are served.
package docs

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// The documents and the page that shows them, as they are written.
var (
	//go:embed openapi.yaml
	OpenAPI []byte
	//go:embed asyncapi.yaml
	AsyncAPI []byte
	//go:embed page/docs.html
	Page []byte
	//go:embed page/docs.js
	Script []byte
	//go:embed page/docs.css
	Style []byte
)

// Version is that of the interface, from info.version of the OpenAPI document. Its first
// number grows when a program that works may cease to.
func Version() string {
	var document struct {
		Info struct{ Version string }
	}
	if err := yaml.Unmarshal(OpenAPI, &document); err != nil {
		panic("BUG: openapi.yaml: " + err.Error())
	}
	return document.Info.Version
}

// JSON translates a document, with members in the order in which they are written.
func JSON(document []byte) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := write(&b, &root); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func write(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.DocumentNode:
		return write(b, n.Content[0])
	case yaml.AliasNode:
		return write(b, n.Alias)
	case yaml.MappingNode:
		return writeList(b, n.Content, 2, '{', '}')
	case yaml.SequenceNode:
		return writeList(b, n.Content, 1, '[', ']')
	}
	var value any
	if err := n.Decode(&value); err != nil {
		return err
	}
	return writeValue(b, value)
}

// writeList writes members, each of one part or of two with a colon between them.
func writeList(b *bytes.Buffer, parts []*yaml.Node, each int, open, end byte) error {
	b.WriteByte(open)
	for i, part := range parts {
		switch {
		case i%each > 0:
			b.WriteByte(':')
		case i > 0:
			b.WriteByte(',')
		}
		if each == 2 && i%2 == 0 {
			if part.Kind != yaml.ScalarNode || part.Tag == "!!merge" {
				return fmt.Errorf("line %d: a member's name must be a plain text", part.Line)
			}
			if err := writeValue(b, part.Value); err != nil {
				return err
			}
			continue
		}
		if err := write(b, part); err != nil {
			return err
		}
	}
	b.WriteByte(end)
	return nil
}

func writeValue(b *bytes.Buffer, v any) error {
	text, err := json.Marshal(v)
	b.Write(text)
	return err
}
