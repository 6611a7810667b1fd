package simkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"sync"
)

// Settings holds a simulator's settings: S is a struct whose JSON names are those of PUT /settings. It is safe for concurrent
// use.
type Settings[S any] struct {
	initial func() S
	check   func(S) error

	mu    sync.Mutex
	value S
}

// NewSettings makes them as initial gives them. check refuses what they must not be; nil: nothing.
func NewSettings[S any](initial func() S, check func(S) error) *Settings[S] {
	if check == nil {
		check = func(S) error { return nil }
	}
	return &Settings[S]{initial: initial, check: check, value: initial()}
}

// Get gives them as they are.
func (s *Settings[S]) Get() S {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}

// Set changes them, without a check.
func (s *Settings[S]) Set(change func(*S)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.value)
}

// Restore makes them as they were at first.
func (s *Settings[S]) Restore() {
	s.Set(func(value *S) { *value = s.initial() })
}

// Merge changes those that a JSON object names and leaves the others; an error leaves all.
func (s *Settings[S]) Merge(text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := s.merged(s.value, text)
	if err == nil {
		s.value = next
	}
	return err
}

// Varied gives the settings for a request that meets a fault: with those of a [Vary], which stay as they are for others.
func (s *Settings[S]) Varied(p *Play) S {
	value := s.Get()
	if p.Kind() != Vary {
		return value
	}
	varied, err := s.merged(value, p.Settings)
	if err != nil { // a check that depends on the others, which have changed since the fault was switched on
		return value
	}
	return varied
}

// Check refuses a JSON object that [Settings.Merge] would not take now.
func (s *Settings[S]) Check(text []byte) error {
	_, err := s.merged(s.Get(), text)
	return err
}

func (s *Settings[S]) merged(value S, text []byte) (S, error) {
	if err := strict(text, &value); err != nil {
		return value, err
	}
	return value, s.check(value)
}

func (s *Settings[S]) shown() any { return s.Get() }

// strict decodes one JSON value, without names that into does not have; what follows it is refused.
func strict(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if decoder.More() {
		return errors.New("more than one JSON value")
	}
	return nil
}

// Decode reads one JSON value, without names that into does not have; what follows it is refused.
func Decode(text string, into any) error { return strict([]byte(text), into) }
