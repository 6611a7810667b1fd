// Package linux is what is installed on Linux: the unit, and the packages' scripts beside it.
package linux

import _ "embed" // the unit

// Unit is systemd's unit, as the packages have it.
//
//go:embed pdvagent.service
var Unit string
