package main

// audit_file.go is where the lines of the audit log go. The file is the one of
// its name: that is looked at before each line, which a log of some lines a second
// can afford, and then nobody who rotates it has to say so.

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// auditSink is where lines go.
type auditSink interface {
	write(line []byte) error // all of it, or an error
	close()
}

type streamSink struct{ to io.Writer }

func (s streamSink) write(line []byte) error { _, err := s.to.Write(line); return err }
func (streamSink) close()                    {}

// fileSink appends to the file of a name. When the name leads elsewhere, or
// nowhere, a new one is begun: whoever rotates logs has to tell nobody.
type fileSink struct {
	path string
	file *os.File
	info fs.FileInfo
	torn bool // the last write ended within a line
}

// follow opens the file that has the name now.
func (s *fileSink) follow() error {
	if s.file != nil {
		now, err := os.Stat(s.path)
		if err == nil && os.SameFile(now, s.info) {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s.close()
	}
	file, err := os.OpenFile(s.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	s.file, s.info, s.torn = file, info, false
	return nil
}

func (s *fileSink) write(line []byte) error {
	if err := s.follow(); err != nil {
		return err
	}
	if s.torn {
		line = append([]byte("\n"), line...)
	}
	n, err := s.file.Write(line)
	if err != nil && n > 0 {
		s.torn = true
	} else if err == nil {
		s.torn = false
	}
	return err
}

func (s *fileSink) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}
