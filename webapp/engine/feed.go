package engine

import "isuride/webapp/feed"

// Feed returns what a feed of this generation is made from. The pseudonyms of the city hang
// on the history of the log, which a restart and a standby have too, and which nobody but
// operators sees.
func (g *Generation) Feed() feed.Source {
	return feed.Source{Epoch: g.number, Store: g.Store, Journal: g.journal, Folder: g.snapshots.dir, Secret: g.history[:]}
}
