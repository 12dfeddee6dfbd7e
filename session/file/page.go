package file

// One page of the file, and the entries in it, read without believing them.

import "bytes"

// page is one page, as it lies in the file.
type page struct {
	bytes []byte
	flags uint16
	count uint64
}

// parsePage needs the bytes of a header at least.
func parsePage(b []byte) page {
	return page{bytes: b, flags: native.Uint16(b[8:]), count: uint64(native.Uint16(b[10:]))}
}

// element is one entry of a page.
type element struct {
	flags      uint32
	child      uint64 // of a branch
	key, value []byte // value of a leaf
}

// elements calls each for every entry. It reports whether all of them lie
// within the page, their keys are in order, and each was content.
func (p page) elements(each func(element) bool) bool {
	size := uint64(len(p.bytes))
	if pageHeader+p.count*elementSize > size {
		return false
	}
	var last []byte
	for i := range p.count {
		at := pageHeader + i*elementSize
		b := p.bytes[at:]
		var e element
		var pos, keySize, valueSize uint64
		if p.flags == flagBranch {
			pos, keySize, e.child = uint64(native.Uint32(b)), uint64(native.Uint32(b[4:])), native.Uint64(b[8:])
		} else {
			e.flags = native.Uint32(b)
			pos, keySize, valueSize = uint64(native.Uint32(b[4:])), uint64(native.Uint32(b[8:])), uint64(native.Uint32(b[12:]))
		}
		if keySize == 0 || at+pos+keySize+valueSize > size || pos < (p.count-i)*elementSize {
			return false
		}
		e.key = p.bytes[at+pos:][:keySize]
		e.value = p.bytes[at+pos+keySize:][:valueSize]
		if i > 0 && bytes.Compare(last, e.key) >= 0 || !each(e) {
			return false
		}
		last = e.key
	}
	return true
}
