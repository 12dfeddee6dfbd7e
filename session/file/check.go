package file

// Whether a file is a sound bbolt database, found out before bbolt sees it.
//
// bbolt trusts its pages: an offset that has been damaged makes it panic, read
// beyond the mapping, or go round in a circle until the stack ends the process,
// and its own check does the same in a goroutine of its own, where nothing can
// be caught. So this looks at the file as plain bytes and believes nothing. It
// checks all that bbolt relies on: the metas' checksums, that every page that
// can be reached is within the file, is what it says it is, is reached once and
// is not free, and that keys stand in order, each page beginning with the very
// key by which its branch names it: if not, bbolt would put that page into the
// tree a second time when it next writes it. What the records hold is not looked
// at: they are sealed, and say themselves if they have been changed.
//
// The layout is bbolt's file format, version 2 (internal/common in its source),
// in the byte order of the machine.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"sync/atomic"
)

const (
	magic         = 0xED0CDAED
	formatVersion = 2

	pageHeader    = 16
	elementSize   = 16
	metaSize      = 64 // up to and with the checksum
	inlineHeader  = 16 // a bucket's root and sequence, before an inline page
	noFreelist    = ^uint64(0)
	maxPageSize   = 1024 << 14
	flagBranch    = 0x01
	flagLeaf      = 0x02
	flagFreelist  = 0x10
	elementBucket = 0x01
)

var native = binary.NativeEndian

// checker walks the pages of one file.
type checker struct {
	file     []byte
	pageSize uint64
	pages    uint64 // the high-water mark: every page is below it, and in the file
	seen     []bool // pages reached
	spine    bool   // take the leaves below a branch on trust
	stop     *atomic.Bool
	todo     []task
}

// task is a page yet to be looked at.
type task struct {
	page     uint64
	root     bool   // of the tree of buckets: it holds these and nothing else
	from, to []byte // its first key, and the first beyond it; nil: any
}

// meta is what a meta page says.
type meta struct {
	pageSize             uint32
	root, freelist, high uint64
	txid                 uint64
}

// check returns nil or an errCorrupt that says what is wrong.
func check(file []byte) error { return checker{file: file}.run() }

// checkSpine checks what check does but for the leaves below a branch, which are
// nearly all of a large file: with that, whatever the leaves hold, no look-up goes
// round in a circle. It reads a hundredth of the file.
func checkSpine(file []byte) error { return checker{file: file, spine: true}.run() }

// checkUntil is check, and returns errStopped soon after stop has become true.
func checkUntil(file []byte, stop *atomic.Bool) error { return checker{file: file, stop: stop}.run() }

func (c checker) run() error {
	file := c.file
	m, ok := readMeta(file)
	if !ok {
		return fmt.Errorf("%w: it does not begin as a session file does", errCorrupt)
	}
	c.pageSize, c.pages = uint64(m.pageSize), m.high
	if m.high < 4 || m.high > uint64(len(file))/c.pageSize {
		return fmt.Errorf("%w: it should hold %d pages of %d bytes and is %d bytes long", errCorrupt, m.high, m.pageSize, len(file))
	}
	c.seen = make([]bool, m.high)
	c.seen[0], c.seen[1] = true, true
	c.todo = append(c.todo, task{page: m.root, root: true})
	for len(c.todo) > 0 {
		if c.stop != nil && c.stop.Load() {
			return errStopped
		}
		next := c.todo[len(c.todo)-1]
		c.todo = c.todo[:len(c.todo)-1]
		if err := c.walk(next); err != nil {
			return err
		}
	}
	return c.freelist(m.freelist)
}

// readMeta returns the meta page that counts: of the two the sound one, and if
// both are, the later. The second stands where the pages' size says, which only
// the first knows: without it every size is tried.
func readMeta(file []byte) (best meta, found bool) {
	try := func(at int) bool {
		if at+pageHeader+metaSize > len(file) {
			return false
		}
		m, ok := parseMeta(file[at+pageHeader:])
		if ok && (!found || m.txid > best.txid) {
			best, found = m, true
		}
		return ok
	}
	if try(0) {
		try(int(best.pageSize))
		return best, found
	}
	for at := 1024; at <= maxPageSize && !try(at); at *= 2 {
	}
	return best, found
}

func parseMeta(b []byte) (meta, bool) {
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	m := meta{
		pageSize: native.Uint32(b[8:]),
		root:     native.Uint64(b[16:]),
		freelist: native.Uint64(b[32:]),
		high:     native.Uint64(b[40:]),
		txid:     native.Uint64(b[48:]),
	}
	ok := native.Uint32(b) == magic && native.Uint32(b[4:]) == formatVersion &&
		native.Uint64(b[56:]) == sum.Sum64() &&
		m.pageSize >= 1024 && m.pageSize <= maxPageSize && m.pageSize&(m.pageSize-1) == 0
	return m, ok
}

// page returns a page with what it overflows into, and marks it reached.
func (c *checker) page(id uint64) (page, error) {
	if id < 2 || id >= c.pages {
		return page{}, c.wrong(id, "there is no such page")
	}
	b := c.file[id*c.pageSize:]
	overflow := uint64(native.Uint32(b[12:]))
	if native.Uint64(b) != id {
		return page{}, c.wrong(id, "it takes itself for another")
	}
	if overflow >= c.pages-id {
		return page{}, c.wrong(id, "it goes on beyond the end")
	}
	for i := id; i <= id+overflow; i++ {
		if c.seen[i] {
			return page{}, c.wrong(i, "it is used twice")
		}
		c.seen[i] = true
	}
	return parsePage(b[:(1+overflow)*c.pageSize]), nil
}

// walk checks one page of the tree and puts those below it on the list.
func (c *checker) walk(t task) error {
	p, err := c.page(t.page)
	if err != nil {
		return err
	}
	if p.flags != flagBranch && p.flags != flagLeaf {
		return c.wrong(t.page, "it is of no kind that belongs here")
	}
	if p.flags == flagBranch && p.count == 0 {
		return c.wrong(t.page, "it is an empty branch")
	}
	first, n := len(c.todo), 0
	ok := p.elements(func(e element) bool {
		n++
		switch {
		case n == 1 && t.from != nil && !bytes.Equal(e.key, t.from):
			return false
		case t.to != nil && bytes.Compare(e.key, t.to) >= 0:
			return false
		case p.flags == flagBranch:
			c.todo = append(c.todo, task{page: e.child, root: t.root, from: e.key, to: t.to})
			if last := len(c.todo) - 1; last > first {
				c.todo[last-1].to = c.todo[last].from
			}
			return true
		case t.root:
			return e.flags == elementBucket && c.bucket(e.value)
		}
		return e.flags == 0
	})
	if !ok || n == 0 && t.from != nil {
		return c.wrong(t.page, "its entries are out of place")
	}
	if c.spine && !t.root && p.flags == flagBranch {
		return c.trust(first)
	}
	return nil
}

// trust takes the children that wait from first on for leaves, all of them, if
// the first is one: it has them as reached and looks at none.
func (c *checker) trust(first int) error {
	children := c.todo[first:]
	if id := children[0].page; id < 2 || id >= c.pages || native.Uint16(c.file[id*c.pageSize+8:]) != flagLeaf {
		return nil // they are walked, and say what is wrong
	}
	for _, t := range children {
		if t.page < 2 || t.page >= c.pages || c.seen[t.page] {
			return c.wrong(t.page, "it cannot be in the tree, or is twice")
		}
		c.seen[t.page] = true
	}
	c.todo = c.todo[:first]
	return nil
}

// bucket checks the header of a bucket: it names a root page, or has a small
// one in line.
func (c *checker) bucket(value []byte) bool {
	if len(value) < inlineHeader {
		return false
	}
	if root := native.Uint64(value); root != 0 {
		c.todo = append(c.todo, task{page: root})
		return true
	}
	inline := value[inlineHeader:]
	if len(inline) < pageHeader || native.Uint64(inline) != 0 || native.Uint32(inline[12:]) != 0 {
		return false
	}
	p := parsePage(inline)
	return p.flags == flagLeaf && p.elements(func(e element) bool { return e.flags == 0 })
}

// freelist checks that it names pages of the file, once each, and none in use.
func (c *checker) freelist(id uint64) error {
	if id == noFreelist {
		return nil
	}
	p, err := c.page(id)
	if err != nil {
		return err
	}
	if p.flags != flagFreelist {
		return c.wrong(id, "it is not the list of free pages")
	}
	ids, count := p.bytes[pageHeader:], p.count
	if count == 0xFFFF { // the real number comes first
		count, ids = native.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids))/8 {
		return c.wrong(id, "the list of free pages is longer than its page")
	}
	for i := range count {
		free := native.Uint64(ids[8*i:])
		if free < 2 || free >= c.pages || c.seen[free] {
			return c.wrong(free, "it is free and cannot be")
		}
		c.seen[free] = true
	}
	return nil
}

func (c *checker) wrong(page uint64, what string) error {
	return fmt.Errorf("%w: page %d: %s", errCorrupt, page, what)
}
