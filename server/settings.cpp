#include "server/settings.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <toml++/toml.h>

#include "server/setting_table.hpp"

namespace mainstay::server {

namespace {

constexpr std::size_t max_file_bytes = 1 << 20;

bool is_known(std::string_view name) {
  return std::ranges::any_of(setting_table,
                             [&](const setting_description& one) { return one.name == name; });
}

/// A value of the file as text; nothing for what no setting can be.
result<std::string> text_of(const toml::node& value, const std::string& origin) {
  if (const auto text = value.value_exact<std::string>()) return *text;
  if (const auto number = value.value_exact<std::int64_t>()) return std::to_string(*number);
  if (const auto flag = value.value_exact<bool>()) return *flag ? "true" : "false";
  return fail(error_code::invalid_argument,
              origin + " must be a string, a whole number, or true or false");
}

result<std::string> contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(error_code::io_failed, "--config: cannot open " + path);
  std::string text(max_file_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return fail(error_code::io_failed, "--config: cannot read " + path);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > max_file_bytes) {
    return fail(error_code::invalid_argument, "--config: " + path + " is larger than 1 MiB");
  }
  return text;
}

}  // namespace

result<settings> read_toml(std::string_view document, std::string_view file) {
  toml::table table;
  try {
    table = toml::parse(document, file);
  } catch (const toml::parse_error& failure) {
    return fail(error_code::invalid_argument,
                fmt::format("{}:{}: {}", file, failure.source().begin.line, failure.description()));
  }
  settings found;
  for (const auto& [key, value] : table) {
    const std::string origin = fmt::format("{}:{}: {}", file, key.source().begin.line, key.str());
    if (!is_known(key.str())) {
      return fail(error_code::invalid_argument,
                  origin + " is not a setting; mainstayd --help lists them");
    }
    auto text = text_of(value, origin);
    if (!text) return std::unexpected(text.error());
    found.insert_or_assign(std::string(key.str()), setting{*std::move(text), origin});
  }
  return found;
}

result<command_line> read_command_line(int count, const char* const* arguments) {
  CLI::App app("One node of a replicated, durable key-value cluster.", "mainstayd");
  app.footer(
      "Exit status: 0 after a clean stop, 1 when the start or the disk failed, 2 for wrong "
      "settings.");
  std::string file;
  command_line line;
  app.add_option("--config", file, "settings in a TOML file, by the same names; flags override it");
  app.add_flag("--check-config", line.check_only, "say whether the settings are sound, and exit");
  bool version = false;
  app.add_flag("--version", version, "print the version and exit");
  std::map<std::string_view, std::string> texts;
  for (const auto& one : setting_table) {
    const std::string flag = "--" + std::string(one.name);
    auto* option = one.value == "BOOL"
                       ? app.add_flag(flag + "{true}", texts[one.name], std::string(one.help))
                       : app.add_option(flag, texts[one.name], std::string(one.help));
    option->type_name(std::string(one.value == "BOOL" ? "" : one.value));
  }
  try {
    app.parse(count, arguments);
  } catch (const CLI::CallForHelp&) {
    line.help = app.help();
    return line;
  } catch (const CLI::ParseError& failure) {
    return fail(error_code::invalid_argument, failure.what());
  }
  if (version) {
    line.help = "mainstayd " MAINSTAY_VERSION "\n";
    return line;
  }
  if (!file.empty()) {
    const auto document = contents_of(file);
    if (!document) return std::unexpected(document.error());
    auto from_file = read_toml(*document, file);
    if (!from_file) return std::unexpected(from_file.error());
    line.given = *std::move(from_file);
  }
  for (const auto& one : setting_table) {
    const std::string flag = "--" + std::string(one.name);
    if (app.count(flag) > 0) {
      line.given.insert_or_assign(std::string(one.name), setting{texts[one.name], flag});
    }
  }
  return line;
}

}  // namespace mainstay::server
