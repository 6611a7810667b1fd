package simkit

import (
	"encoding/json"
	"net/http"
)

const jsonType = "application/json; charset=utf-8"

// Answer is what a route responds.
type Answer struct {
	Status int
	Body   any    // written as JSON; nothing is written where Status is 204
	Raw    []byte // written instead of Body unless nil
	Type   string // Content-Type; empty: JSON in UTF-8, and of Raw what net/http detects
}

// OK is a success with a JSON body.
func OK(body any) Answer { return Answer{Status: http.StatusOK, Body: body} }

// File is a success with bytes of a type.
func File(mediaType string, content []byte) Answer {
	return Answer{Status: http.StatusOK, Raw: content, Type: mediaType}
}

// NoContent is a success without a body.
func NoContent() Answer { return Answer{Status: http.StatusNoContent} }

// Write sends an answer.
func Write(w http.ResponseWriter, a Answer) {
	switch {
	case a.Type != "":
		w.Header().Set("Content-Type", a.Type)
	case a.Raw == nil:
		w.Header().Set("Content-Type", jsonType)
	}
	w.WriteHeader(a.Status)
	switch {
	case a.Raw != nil:
		_, _ = w.Write(a.Raw) // an error: the client is gone
	case a.Status != http.StatusNoContent:
		_ = json.NewEncoder(w).Encode(a.Body) // the client is gone
	}
}

// encoded gives an answer's bytes.
func (a Answer) encoded() []byte {
	if a.Raw != nil {
		return a.Raw
	}
	raw, err := json.Marshal(a.Body)
	if err != nil {
		return []byte(`{}`)
	}
	return raw
}
