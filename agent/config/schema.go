package config

import _ "embed"

// Schema is the JSON Schema of the file, for editors. Parse checks more.
//
//go:embed schema.json
var Schema []byte
