package locality

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// What the functions of both engines depend on. A function that is not among them may depend on anything.
var (
	scalars = set(`abs acos ascii asin atan atan2 bit_length btrim cbrt ceil ceiling char_length character_length chr coalesce concat
		concat_ws contains cos cot date date_add date_bin date_diff datediff date_part date_sub date_trunc day dayofmonth dayofweek dayofyear
		decode degrees div encode ends_with epoch exp extract factorial floor format from_hex gcd greatest hash hex hour ifnull initcap
		instr isfinite isnan isodow json_array_length json_extract json_extract_path_text json_extract_string
		jsonb_array_length jsonb_build_object json_build_object lcm least left length like_escape
		ln log log10 log2 lower lpad ltrim make_date make_interval make_time
		make_timestamp md5 microsecond millisecond minute mod month monthname nullif nvl octet_length overlay pi position pow power quarter
		radians regexp_extract regexp_full_match regexp_like regexp_matches regexp_replace regexp_split_to_array repeat replace
		reverse right round row rpad rtrim second sha256 sign sin split_part sqrt starts_with strftime strip_accents strpos strptime
		substr substring tan timezone to_char to_date to_hex to_json to_jsonb to_number to_timestamp translate trim trunc try_strptime typeof
		unhex upper week weekday weekofyear width_bucket year yearweek array_length cardinality array_to_string string_to_array
		json_build_array regexp_count regexp_substr levenshtein quote_literal quote_ident unicode nfc_normalize timestamp
		` + KeyFunction)
	aggregates = set(`array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count count_if covar_pop covar_samp
		every json_agg json_object_agg jsonb_agg jsonb_object_agg list listagg max median min percentile_cont
		percentile_disc product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
		regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance`)
	// What these give depends on the order of the rows.
	ordered = set(`array_agg json_agg jsonb_agg json_object_agg jsonb_object_agg list listagg string_agg`)
	windows = set(`cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number`)
	series  = set(`generate_series generate_subscripts range unnest regexp_split_to_table`)
)

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}

func functionName(f *pg.FuncCall) string {
	if len(f.Funcname) == 0 {
		return ""
	}
	return strings.ToLower(f.Funcname[len(f.Funcname)-1].GetString_().GetSval())
}

// isAggregate tells an aggregate that is not a window's.
func isAggregate(f *pg.FuncCall) bool { return f.Over == nil && aggregates[functionName(f)] }

// suspicious gives what makes the whole statement unknown: something whose result depends on more than the rows that are read.
func (s *Statement) suspicious() *Reason {
	var why *Reason
	note := func(at int32, format string, args ...any) {
		if why == nil {
			why = because(at, format, args...)
		}
	}
	walk(s.query, func(m proto.Message) bool {
		switch m := m.(type) {
		case *pg.FuncCall:
			name := functionName(m)
			if !scalars[name] && !aggregates[name] && !windows[name] && !series[name] {
				note(m.Location, "calls %s(), which may depend on more than its arguments", name)
			}
			if ordered[name] && len(m.AggOrder) == 0 && m.Over == nil {
				note(m.Location, "%s() without an order", name)
			}
		case *pg.SQLValueFunction:
			note(m.Location, "reads the clock or the session")
		case *pg.RangeTableSample:
			note(m.Location, "reads a sample")
		case *pg.LockingClause:
			note(-1, "locks rows")
		case *pg.JoinExpr:
			if m.IsNatural {
				note(-1, "joins naturally")
			}
		case *pg.GroupingSet:
			note(m.Location, "groups by several sets")
		case *pg.TypeCast:
			if c := m.Arg.GetAConst().GetSval(); c != nil && movingWord(c.Sval) {
				note(m.Location, "reads the clock")
			}
		}
		return why == nil
	})
	return why
}

// movingWord tells a word that PostgreSQL takes for a time that moves.
func movingWord(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "now", "today", "tomorrow", "yesterday":
		return true
	}
	return false
}
