/// Settings as text, with where each came from: the common form of command line and file, before
/// anything is understood. See config.hpp for what they mean.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"

namespace mainstay::server {

/// One setting as it was written.
struct setting {
  std::string text;
  std::string origin;  ///< such as "--id" or "node.toml:3: id", for messages
};

/// Settings by name.
using settings = std::map<std::string, setting, std::less<>>;

/// What the command line asks for.
struct command_line {
  settings given;
  bool check_only = false;  ///< --check-config
  std::string help;         ///< what to print instead of serving; empty to serve
};

/// Reads the command line and the file that it names with --config; flags override the file.
/// Errors: `invalid_argument`, `io_failed` (the file), naming flag, or file and line.
result<command_line> read_command_line(int count, const char* const* arguments);

/// Reads settings out of a TOML document; `file` is its name for messages. Errors:
/// `invalid_argument` for what is no TOML, for unknown names and for values that are no setting.
result<settings> read_toml(std::string_view document, std::string_view file);

}  // namespace mainstay::server
