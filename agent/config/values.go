package config

import (
	"fmt"
	"log/slog"
	"time"

	"gopkg.in/yaml.v3"
)

// Secret is a text that no format prints; see [Secret.Reveal].
type Secret string

const hidden = "***"

// Reveal returns the secret.
func (s Secret) Reveal() string { return string(s) }

// Format prints *** for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// String returns ***, or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// MarshalText hides it in JSON and other text encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML hides it in `config show`.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue hides it in the log.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// UnmarshalYAML reads any scalar. An error never has the value.
func (s *Secret) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode {
		return typeError(node, "deve ser um texto")
	}
	*s = Secret(node.Value)
	return nil
}

// Duration is a duration in Go's form: 2500ms, 5s, 30m.
type Duration time.Duration

// UnmarshalYAML refuses a number without a unit.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	parsed, err := time.ParseDuration(node.Value)
	if err != nil || node.Kind != yaml.ScalarNode || parsed < 0 {
		return typeError(node, `deve ser um tempo com unidade, como 500ms, 5s, 30m ou 2h`)
	}
	*d = Duration(parsed)
	return nil
}

// MarshalYAML writes the same form.
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }

func typeError(node *yaml.Node, text string) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %s", node.Line, text)}}
}
