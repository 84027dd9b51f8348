#include "mainstay/serializer/document/tree_builder.hpp"

#include <utility>

#include <fmt/format.h>

namespace mainstay::document {

namespace {

/// The deepest message: rpc, message, list, item, and one to spare.
constexpr std::size_t most_levels = 5;
/// More than any message has; looking for a name among few is quick.
constexpr std::size_t most_fields = 16;

class tree_builder final : public nlohmann::json_sax<tree> {
 public:
  explicit tree_builder(const decode_limits& limits) : limits_(limits) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t& value) override { return put(std::move(value)); }
  bool start_object(std::size_t /*size*/) override { return open(tree::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*size*/) override { return open(tree::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    auto& object = *open_.back();
    if (object.size() == most_fields) {
      return refuse(fmt::format("an object has more than {} fields", most_fields));
    }
    if (object.contains(name)) return refuse(fmt::format("the field {:.40} comes twice", name));
    name_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*why*/) override {
    return refuse(fmt::format("the syntax breaks at byte {}", position));
  }

  result<tree> finish(bool good) {
    if (!good) return fail(error_code::malformed, std::move(problem_));
    return std::move(root_);
  }

 private:
  bool put(tree value) { return place(std::move(value)) != nullptr; }

  /// Where the value stands now; null when it breaks a limit.
  tree* place(tree value) {
    if (open_.empty()) return &(root_ = std::move(value));
    auto& parent = *open_.back();
    if (parent.is_object()) {
      return &(parent.emplace(std::move(name_), std::move(value)).first.value());
    }
    if (parent.size() == limits_.max_entries) {
      refuse(fmt::format("a list has more than {} items", limits_.max_entries));
      return nullptr;
    }
    parent.push_back(std::move(value));
    return &parent.back();
  }

  bool open(tree container) {
    if (open_.size() == most_levels) {
      return refuse(fmt::format("it nests deeper than {} levels", most_levels));
    }
    auto* placed = place(std::move(container));
    if (placed == nullptr) return false;
    open_.push_back(placed);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  bool refuse(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }

  const decode_limits& limits_;
  tree root_;
  std::vector<tree*> open_;  ///< a parent never grows while its last child is open
  std::string name_;         ///< of the value that comes next
  std::string problem_;
};

}  // namespace

result<tree> parse(const shared_bytes& bytes, tree::input_format_t format,
                   const decode_limits& limits) {
  tree_builder builder(limits);
  const auto text = bytes.text();
  const bool good = tree::sax_parse(text.begin(), text.end(), &builder, format);
  return builder.finish(good);
}

}  // namespace mainstay::document
