package session

// observed.go is a store that says when it is called and when it has answered.

import (
	"context"
	"errors"
)

// observed tells on of each call that somebody waits for. What goes on behind
// (Touch, Sweep, Scan, Len) passes through.
type observed struct {
	Store
	on func(ctx context.Context, op string) (context.Context, func(error))
}

// call tells of one call. That there is no such session is no failure.
func (o observed) call(ctx context.Context, op string, do func(context.Context) error) error {
	ctx, done := o.on(ctx, op)
	err := do(ctx)
	if errors.Is(err, ErrNone) {
		done(nil)
	} else {
		done(err)
	}
	return err
}

func (o observed) Save(ctx context.Context, key Key, r Record) error {
	return o.call(ctx, "save", func(ctx context.Context) error { return o.Store.Save(ctx, key, r) })
}

func (o observed) Replace(ctx context.Context, key Key, r Record) error {
	return o.call(ctx, "replace", func(ctx context.Context) error { return o.Store.Replace(ctx, key, r) })
}

func (o observed) Load(ctx context.Context, key Key) (r Record, err error) {
	err = o.call(ctx, "load", func(ctx context.Context) error {
		r, err = o.Store.Load(ctx, key)
		return err
	})
	return r, err
}

func (o observed) Delete(ctx context.Context, key Key) error {
	return o.call(ctx, "delete", func(ctx context.Context) error { return o.Store.Delete(ctx, key) })
}

func (o observed) Find(ctx context.Context, index Key) (keys []Key, err error) {
	err = o.call(ctx, "find", func(ctx context.Context) error {
		keys, err = o.Store.Find(ctx, index)
		return err
	})
	return keys, err
}

// observe has OnStore told of the store's calls. What only a shared store can do is
// asked of the store itself (Sessions.shared).
func (s *Sessions) observe() {
	if on := s.config.OnStore; on != nil {
		s.config.Store = observed{s.config.Store, on}
	}
}
