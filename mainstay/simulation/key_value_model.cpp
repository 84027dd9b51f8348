#include "mainstay/simulation/key_value_model.hpp"

#include <charconv>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::simulation {

namespace {

using value = key_value_model::state_type;
using answer = std::optional<std::string>;

/// A number of 64 bits as the machine reads it: an optional minus, digits, no zeros in front.
std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (std::to_string(number) != text) return std::nullopt;
  return number;
}

answer assign(value& v, const client_operation& o, bool condition) {
  if (!condition) return std::nullopt;
  v = o.argument;
  return "OK";
}

answer set(value& v, const client_operation& o) { return assign(v, o, true); }
answer set_if_absent(value& v, const client_operation& o) { return assign(v, o, !v); }
answer set_if_present(value& v, const client_operation& o) { return assign(v, o, v.has_value()); }
answer set_if_equal(value& v, const client_operation& o) {
  return assign(v, o, v && v == o.expected);
}
answer get(value& v, const client_operation&) { return v; }
answer get_and_set(value& v, const client_operation& o) { return std::exchange(v, o.argument); }
answer get_and_delete(value& v, const client_operation&) { return std::exchange(v, std::nullopt); }
answer erase(value& v, const client_operation&) {
  return std::exchange(v, std::nullopt) ? "1" : "0";
}
answer increment(value& v, const client_operation& o) {
  const auto number = v ? number_in(*v) : 0;
  if (!number) return "ERR value is not an integer or out of range";
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*number, *number_in(o.argument), &sum)) {
    return "ERR increment or decrement would overflow";
  }
  v = std::to_string(sum);
  return v;
}
answer append(value& v, const client_operation& o) {
  if (!v) v.emplace();
  *v += o.argument;
  return std::to_string(v->size());
}
answer length(value& v, const client_operation&) { return std::to_string(v ? v->size() : 0); }
answer exists(value& v, const client_operation&) { return v ? "1" : "0"; }
answer type(value& v, const client_operation&) { return v ? "string" : "none"; }

using carry_out_function = answer (*)(value&, const client_operation&);

const std::map<std::string_view, carry_out_function>& operations() {
  static const std::map<std::string_view, carry_out_function> all{
      {"set", set},
      {"set_if_absent", set_if_absent},
      {"set_if_present", set_if_present},
      {"set_if_equal", set_if_equal},
      {"get", get},
      {"get_and_set", get_and_set},
      {"get_and_delete", get_and_delete},
      {"delete", erase},
      {"increment", increment},
      {"append", append},
      {"length", length},
      {"exists", exists},
      {"type", type}};
  return all;
}

}  // namespace

result<void> key_value_model::check(const client_operation& o) {
  if (!operations().contains(o.name)) {
    return fail(error_code::invalid_argument, "no operation is called \"" + o.name + "\"");
  }
  if ((o.name == "set_if_equal") != o.expected.has_value()) {
    return fail(error_code::invalid_argument,
                "\"expected\" belongs to set_if_equal, and to nothing else");
  }
  if (o.name == "increment" && !number_in(o.argument)) {
    return fail(error_code::invalid_argument,
                "increment needs an integer, not \"" + o.argument + "\"");
  }
  return {};
}

namespace {

bool is_done(const client_operation& o) { return o.outcome == operation_outcome::done; }

}  // namespace

operation_effect<value> key_value_model::effect_of(const client_operation& o) const {
  if (o.name == "set") return {.is_blind = true, .leaves = value(o.argument)};
  if (o.name == "get_and_set") return {.leaves = value(o.argument)};
  if (o.name == "get_and_delete") return {.leaves = value()};
  if (o.name == "delete") return {.keeps = is_done(o) && o.result != "1", .leaves = value()};
  if (o.name.starts_with("set_if_")) {
    if (!is_done(o)) return {};
    return {.keeps = !o.result, .leaves = value(o.argument)};
  }
  if (o.name == "append") return {};
  if (o.name == "increment") {
    if (!is_done(o)) return {};
    return {.keeps = !o.result || !number_in(*o.result), .leaves = o.result};
  }
  return {.keeps = true, .leaves = {}};
}

std::optional<value> key_value_model::needs(const client_operation& o) const {
  if (o.name.starts_with("get")) return value(o.result);
  if (o.name == "set_if_equal" && o.result) return value(o.expected);
  if (o.name == "set_if_absent" && o.result) return value();
  if (o.name == "delete" && o.result == "0") return value();
  if (o.name == "exists" && o.result == "0") return value();
  if (o.name == "type" && o.result == "none") return value();
  if (o.name != "increment" || !o.result) return {};
  const auto sum = number_in(*o.result);
  std::int64_t found = 0;
  if (!sum || __builtin_sub_overflow(*sum, *number_in(o.argument), &found)) return {};
  if (found == 0) return {};  // an absent value counts as zero
  return value(std::to_string(found));
}

bool key_value_model::can_leave(const client_operation& o, const state_type& value) const {
  if (!value) return false;
  if (o.name == "append") {
    return value->ends_with(o.argument) &&
           (!is_done(o) || o.result == std::to_string(value->size()));
  }
  if (o.name == "increment") return number_in(*value).has_value();
  return value == o.argument;
}

bool key_value_model::is_alike(const client_operation& one, const client_operation& other) const {
  return one.name == "append" && other.name == "append" &&
         one.argument.size() == other.argument.size();
}

bool key_value_model::can_tell(const client_operation& o, const client_operation& appended) const {
  // Where the bytes stand in no value that is shown or asked for, no such value is there with them.
  const auto holds = [&](const value& shown) {
    return shown && shown->find(appended.argument) != std::string::npos;
  };
  if (o.name == "increment") return true;
  if (o.name == "set_if_equal") return holds(o.expected);
  return is_done(o) && o.name.starts_with("get") && holds(o.result);
}

std::optional<std::string> key_value_model::carry_out(state_type& value,
                                                      const client_operation& o) const {
  const auto found = operations().find(o.name);
  MAINSTAY_ASSERT(found != operations().end());
  return found->second(value, o);
}

}  // namespace mainstay::simulation
