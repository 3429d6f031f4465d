package tomlfile

import "fmt"

// Each turns the strings of a list into values. It records what parse says is
// wrong with each, and warns of values that stand in the list twice; these are
// left out.
func Each[V any](texts []Text, parse func(Text) (V, error)) []V {
	var values []V
	first := make(map[string]string)
	for _, text := range texts {
		v, err := parse(text)
		if err != nil {
			text.Problem("%v", err)
			continue
		}
		if earlier, ok := first[fmt.Sprint(v)]; ok {
			text.Warn("%q stands in this list twice, first as %s", text.Value, earlier)
			continue
		}
		first[fmt.Sprint(v)] = text.Key
		values = append(values, v)
	}
	return values
}
