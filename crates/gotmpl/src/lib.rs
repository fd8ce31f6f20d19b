//! Go's `text/template`: lexer, parser, evaluator over its own value type; functions are handed in.
