package api

import (
	"time"

	"isuride/webapp/docs"
)

// documentSafety lets the page of the documents load its own script and call this server, and
// nothing else.
const documentSafety = "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'\r\n"

// addDocuments adds the documents of the interface and the page that shows them. A front end
// that has files under these names keeps them.
func (s *Static) addDocuments() error {
	s.addDocument("/docs", "docs.html", docs.Page)
	s.addDocument("/docs/docs.js", "docs.js", docs.Script)
	s.addDocument("/docs/docs.css", "docs.css", docs.Style)
	for path, written := range map[string][]byte{"/openapi.json": docs.OpenAPI, "/asyncapi.json": docs.AsyncAPI} {
		content, err := docs.JSON(written)
		if err != nil {
			return err
		}
		s.addDocument(path, path, content)
	}
	return nil
}

// addDocument adds a file whose type follows from a name.
func (s *Static) addDocument(path, name string, content []byte) {
	f := newStaticFile(name, content, time.Time{})
	f.head += documentSafety
	s.documents[path] = f
}
