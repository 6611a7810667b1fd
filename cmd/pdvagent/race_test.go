//go:build race

package main

// raced is true under the race detector, where everything takes ten times as long: amounts are smaller there.
const raced = true
