/// Commands typed as a line of text. Not the common form of requests, but the one for people.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mainstay::resp {

/// Splits a line into words as Redis does: blanks separate; "double quotes" know \n \r \t \b \a
/// \xHH and backslash before any byte, 'single quotes' only \'; a closing quote ends a word.
/// Nothing when quotes are unbalanced.
std::optional<std::vector<std::string>> split_line(std::string_view line);

}  // namespace mainstay::resp
