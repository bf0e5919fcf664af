package warehouse

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"lifeline/change"
)

var memorySize = regexp.MustCompile(`^(?i)\s*([0-9]+(?:\.[0-9]+)?)\s*(B|BYTES|KB|MB|GB|TB|KIB|MIB|GIB|TIB)\s*$`)

// memoryBytes reads a size such as 4GB or 1.5 GiB; a size without a value is not one.
func memoryBytes(size string) (int64, error) {
	m := memorySize.FindStringSubmatch(size)
	if m == nil {
		return 0, badMemory(size)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, badMemory(size)
	}
	base, unit := 1000.0, strings.ToUpper(m[2])
	if strings.HasSuffix(unit, "IB") {
		base = 1024
	}
	bytes := n * math.Pow(base, float64(strings.IndexByte("BKMGT", unit[0])))
	if bytes < 1 || bytes >= math.MaxInt64/2 {
		return 0, badMemory(size)
	}
	return int64(bytes), nil
}

func badMemory(size string) error {
	return &change.Problem{
		Err: fmt.Errorf("read warehouse.memory_limit: %q is not a size", size), Try: "4GB", Where: "lifeline.yml", Class: change.ClassUsage,
	}
}
