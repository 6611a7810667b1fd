package rawjson

// Visitor receives the parts of a text in the text's order.
type Visitor interface {
	// Name is called with the i-th name of an object; its value comes next.
	Name(i int, name Member)
	// Scalar is called with a value that is neither an object nor a list. under is the name of its member, or of the list it is in;
	// depth counts the objects and lists around it.
	Scalar(under string, depth int, v Value)
	// End is called when an object or a list ends, with the number of its entries. Its own are not kept.
	End(depth int, v Value, entries int)
}

// Walk reads one JSON text, and refuses what [Parse] refuses, but keeps nothing: the visitor is told all parts. What it was told
// before an error counts for nothing.
func Walk(text []byte, visit Visitor) error {
	_, err := read(text, visit)
	return err
}

// Walk tells the visitor the parts of a value that was parsed, as [Walk] does.
func (v Value) Walk(visit Visitor) { v.walk(visit, "", 0) }

func (v Value) walk(visit Visitor, under string, depth int) {
	switch v.Kind {
	case Object:
		for i, member := range v.Members {
			visit.Name(i, member)
			member.Value.walk(visit, member.Name, depth+1)
		}
		visit.End(depth, v, len(v.Members))
	case Array:
		for _, element := range v.Elements {
			element.walk(visit, under, depth+1)
		}
		visit.End(depth, v, len(v.Elements))
	default:
		visit.Scalar(under, depth, v)
	}
}
