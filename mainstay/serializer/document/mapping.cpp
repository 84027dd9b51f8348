#include "mainstay/serializer/document/mapping.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "mainstay/core/configuration.hpp"
#include "mainstay/serializer/document/base64.hpp"
#include "mainstay/serializer/document/fields.hpp"

namespace mainstay::document {

namespace {

/// In the order of `core::entry_kind`.
constexpr std::array kind_names = {"command", "no_op", "configuration", "session"};
static_assert(kind_names.size() == std::to_underlying(core::last_entry_kind) + 1);

/// Text that every parser gives back as it was; other messages travel as payloads.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string response_name(std::size_t alternative) {
  return std::string(message_names[alternative]) + "_response";
}

// ---- Writing ----------------------------------------------------------------------------------

class field_writer {
 public:
  template <class Message>
  using subject = const Message;

  explicit field_writer(payload_form form) : form_(form) {}

  template <class Value>
  void operator()(const char* name, const Value& value) {
    object_.emplace(name, write(value));
  }
  /// What is 0 is left out, as by builds that do not know of it.
  template <class Value>
  void unless_zero(const char* name, const Value& value) {
    if (value != Value{}) (*this)(name, value);
  }
  template <class Message>
  tree message(const Message& m) const {
    field_writer fields(form_);
    describe(fields, m);
    return std::move(fields.object_);
  }

 private:
  static tree write(bool value) { return value; }
  static tree write(std::uint64_t value) { return value; }
  static tree write(std::int64_t value) { return value; }
  template <class Id>
  static tree write(const strong_id<Id>& id) {
    return id.value();
  }
  static tree write(core::entry_kind kind) { return kind_names.at(std::to_underlying(kind)); }
  tree write(const shared_bytes& payload) const {
    if (form_ == payload_form::base64) return to_base64(payload.span());
    const auto* at = reinterpret_cast<const std::uint8_t*>(payload.data());
    return tree::binary(std::vector<std::uint8_t>(at, at + payload.size()));
  }
  tree write(const core::entry& e) const { return message(e); }
  tree write(const command_outcome& outcome) const {
    field_writer fields(form_);
    if (outcome) {
      fields("answer", *outcome);
      return std::move(fields.object_);
    }
    const auto& e = outcome.error();
    fields.object_.emplace("error", name_of(e.code));
    fields("leader", e.leader);
    if (is_plain(e.message)) {
      fields.object_.emplace("message", e.message);
    } else {
      fields("message_bytes", shared_bytes::copy_of(e.message));
    }
    return std::move(fields.object_);
  }
  template <class Item>
  tree write(const std::vector<Item>& items) const {
    auto list = tree::array();
    for (const auto& item : items) list.push_back(write(item));
    return list;
  }

  payload_form form_;
  tree object_ = tree::object();
};

template <class Variant>
tree write_rpc(const Variant& rpc, std::string name, payload_form form) {
  auto document = tree::object();
  document.emplace(
      std::move(name),
      std::visit([form](const auto& m) { return field_writer(form).message(m); }, rpc));
  return document;
}

// ---- Reading ----------------------------------------------------------------------------------

/// Where the reader is; written out only for an error.
struct place {
  const place* above = nullptr;
  std::string_view name;
  std::size_t item = 0;  ///< counts for a nameless place: an item of a list

  std::string path() const {
    const std::string front = above == nullptr ? "" : above->path();
    if (name.empty()) return fmt::format("{}[{}]", front, item);
    return front.empty() ? std::string(name) : fmt::format("{}.{}", front, name);
  }
};

/// What all readers of one document share: its limits, and the first thing that was wrong.
struct reading {
  payload_form form;
  const decode_limits& limits;
  std::optional<std::string> problem;

  void refuse(const place& at, std::string_view what) {
    if (!problem) problem = at.path() + " " + std::string(what);
  }
};

class field_reader {
 public:
  template <class Message>
  using subject = Message;

  /// All of them must outlive the reader.
  field_reader(reading& all, const tree& from, const place& at) : all_(all), from_(from), at_(at) {
    if (!from.is_object()) all_.refuse(at_, "is not an object");
  }

  template <class Value>
  void operator()(const char* name, Value& value) {
    if (all_.problem) return;
    const place here{&at_, name};
    const auto found = from_.find(name);
    if (found == from_.end()) return all_.refuse(here, "is missing");
    ++seen_;
    read(*found, here, value);
  }
  template <class Value>
  void unless_zero(const char* name, Value& value) {
    if (!has(name)) return;
    (*this)(name, value);
    if (!all_.problem && value == Value{}) all_.refuse(place{&at_, name}, "is 0");
  }
  bool has(const char* name) const { return !all_.problem && from_.contains(name); }
  /// Nothing but what was read may be there.
  void finish() {
    if (!all_.problem && seen_ != from_.size()) all_.refuse(at_, "has a field that is not known");
  }

  template <class Message>
  static void message(reading& all, const tree& from, const place& at, Message& m) {
    field_reader fields(all, from, at);
    describe(fields, m);
    fields.finish();
  }

 private:
  void read(const tree& from, const place& at, bool& value) {
    if (!from.is_boolean()) return all_.refuse(at, "is not true or false");
    value = from.get<bool>();
  }
  void read(const tree& from, const place& at, std::uint64_t& value) {
    if (!from.is_number_unsigned()) return all_.refuse(at, "is not a whole number below 2^64");
    value = from.get<std::uint64_t>();
  }
  void read(const tree& from, const place& at, std::int64_t& value) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const bool fits = from.is_number_integer() &&
                      (!from.is_number_unsigned() || from.get<std::uint64_t>() <= most);
    if (!fits) return all_.refuse(at, "is not a whole number of 64 bits");
    value = from.get<std::int64_t>();
  }
  template <class Id>
  void read(const tree& from, const place& at, strong_id<Id>& id) {
    std::uint64_t number = 0;
    read(from, at, number);
    id = strong_id<Id>(number);
  }
  void read(const tree& from, const place& at, core::entry_kind& kind) {
    const auto known = from.is_string() ? std::ranges::find(kind_names, from.get<std::string>())
                                        : kind_names.end();
    if (known == kind_names.end()) return all_.refuse(at, "is not a known kind");
    kind = core::entry_kind(known - kind_names.begin());
  }
  void read(const tree& from, const place& at, shared_bytes& payload) {
    if (all_.form == payload_form::bytes) {
      if (!from.is_binary()) return all_.refuse(at, "is not a byte string");
      payload = shared_bytes::copy_of(std::as_bytes(std::span(from.get_binary())));
    } else {
      auto decoded = from.is_string() ? from_base64(from.get_ref<const std::string&>())
                                      : std::optional<shared_bytes>();
      if (!decoded) return all_.refuse(at, "is not base64 with padding");
      payload = std::move(*decoded);
    }
    if (payload.size() > all_.limits.max_payload) {
      all_.refuse(
          at, fmt::format("has {} bytes, allowed are {}", payload.size(), all_.limits.max_payload));
    }
  }
  void read(const tree& from, const place& at, core::entry& e) {
    message(all_, from, at, e);
    if (all_.problem || e.kind != core::entry_kind::configuration) return;
    const auto decoded = core::decode_configuration(e.payload.span());
    if (!decoded) all_.refuse({&at, "payload"}, "is wrong: " + decoded.error().message);
  }
  void read(const tree& from, const place& at, command_outcome& outcome) {
    field_reader fields(all_, from, at);
    if (fields.has("answer")) {
      outcome.emplace();
      fields("answer", *outcome);
      return fields.finish();
    }
    error e{};
    fields("error", e.code);
    fields("leader", e.leader);
    if (fields.has("message_bytes")) {
      shared_bytes text;
      fields("message_bytes", text);
      e.message = text.text();
    } else {
      fields("message", e.message);
    }
    fields.finish();
    outcome = std::unexpected(std::move(e));
  }
  void read(const tree& from, const place& at, error_code& code) {
    const auto known =
        from.is_string() ? error_code_named(from.get_ref<const std::string&>()) : std::nullopt;
    if (!known) return all_.refuse(at, "is not the name of an error");
    code = *known;
  }
  void read(const tree& from, const place& at, std::string& text) {
    if (!from.is_string()) return all_.refuse(at, "is not text");
    text = from.get<std::string>();
  }
  template <class Item>
  void read(const tree& from, const place& at, std::vector<Item>& items) {
    if (!from.is_array()) return all_.refuse(at, "is not a list");
    items.resize(from.size());
    for (std::size_t i = 0; i < items.size() && !all_.problem; ++i) {
      read(from[i], {&at, {}, i}, items[i]);
    }
  }

  reading& all_;
  const tree& from_;
  const place& at_;
  std::size_t seen_ = 0;
};

/// Makes alternative number `wanted` of `Variant`, by trying them in order.
template <class Variant, std::size_t Alternative = 0>
void read_alternative(reading& all, const tree& from, const place& at, std::size_t wanted,
                      Variant& out) {
  if constexpr (Alternative < std::variant_size_v<Variant>) {
    if (wanted == Alternative) {
      return field_reader::message(all, from, at, out.template emplace<Alternative>());
    }
    read_alternative<Variant, Alternative + 1>(all, from, at, wanted, out);
  }
}

template <class Variant, class NameOf>
result<Variant> read_rpc(const tree& document, reading all, NameOf name_of_alternative) {
  Variant out;
  if (!document.is_object() || document.size() != 1) {
    return fail(error_code::malformed, "an rpc is an object of one field: the message's name");
  }
  const auto field = document.begin();
  for (std::size_t i = 0; i < message_names.size(); ++i) {
    if (field.key() != name_of_alternative(i)) continue;
    read_alternative(all, field.value(), place{nullptr, field.key()}, i, out);
    if (all.problem) return fail(error_code::malformed, std::move(*all.problem));
    return out;
  }
  return fail(error_code::malformed,
              fmt::format("{:.40} is not the name of a message that is expected", field.key()));
}

}  // namespace

tree to_tree(const rpc_request& request, payload_form form) {
  return write_rpc(request, message_names[request.index()], form);
}

tree to_tree(const rpc_response& response, payload_form form) {
  return write_rpc(response, response_name(response.index()), form);
}

result<rpc_request> request_from(const tree& document, payload_form form,
                                 const decode_limits& limits) {
  return read_rpc<rpc_request>(document, {form, limits, {}},
                               [](std::size_t i) { return std::string(message_names[i]); });
}

result<rpc_response> response_from(const tree& document, payload_form form,
                                   const decode_limits& limits) {
  return read_rpc<rpc_response>(document, {form, limits, {}}, response_name);
}

}  // namespace mainstay::document
