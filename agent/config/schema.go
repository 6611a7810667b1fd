package config

import _ "embed"

// Schema is the JSON Schema of the file, for editors. Parse checks more than it can say.
//
//go:embed schema.json
var Schema []byte
