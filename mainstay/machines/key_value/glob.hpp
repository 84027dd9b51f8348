/// Glob patterns as Redis understands them in KEYS and SCAN MATCH. Not regular expressions, and not
/// file-name globs: a star also matches slashes and dots.
#pragma once

#include <string_view>

namespace mainstay::keyspace {

/// Whether the whole of `text` matches `pattern`: `*` any run, `?` one byte, `[a-z]` and `[^a]`
/// one byte of a class, `\x` the byte x itself. Bytes are compared as they are. Takes at most
/// `pattern.size() * text.size()` steps.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace mainstay::keyspace
