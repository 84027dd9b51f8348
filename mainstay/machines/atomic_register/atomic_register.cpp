#include "mainstay/machines/atomic_register/atomic_register.hpp"

#include <utility>

#include "mainstay/base/fields.hpp"
#include "mainstay/seams/machine_image.hpp"

namespace mainstay {

namespace {

enum operation : std::uint8_t { always = 1, if_equal = 2 };

void put(field_writer& fields, const atomic_register::value& v) {
  fields.number(v ? 1 : 0);
  if (v) fields.text(*v);
}

atomic_register::value take(field_reader& fields) {
  if (fields.number() == 0) return std::nullopt;
  return std::string(fields.text());
}

shared_bytes as_answer(const atomic_register::value& v) {
  field_writer fields;
  put(fields, v);
  return fields.bytes();
}

}  // namespace

shared_bytes atomic_register::write(const value& v) {
  field_writer fields;
  put(fields.number(always), v);
  return fields.bytes();
}

shared_bytes atomic_register::compare_and_set(const value& expected, const value& v) {
  field_writer fields;
  put(fields.number(if_equal), expected);
  put(fields, v);
  return fields.bytes();
}

result<atomic_register::value> atomic_register::value_in(const shared_bytes& answer) {
  field_reader fields(answer.text());
  auto found = take(fields);
  if (fields.is_whole()) return found;
  return fail(error_code::invalid_argument, "no command of a register, or too long a value");
}

/// What is refused has no answer.
result<shared_bytes> atomic_register::apply(const applied_command& command) {
  field_reader fields(command.payload.text());
  const auto what = fields.number();
  const auto expected = what == if_equal ? take(fields) : value();
  auto wanted = take(fields);
  const bool is_known = what == always || what == if_equal;
  if (!is_known || !fields.is_whole() || (wanted && wanted->size() > longest_value)) {
    return shared_bytes();
  }
  auto answer = as_answer(value_);
  if (what == always || value_ == expected) value_ = std::move(wanted);
  return answer;
}

result<shared_bytes> atomic_register::query(const shared_bytes& /*request*/) const {
  return as_answer(value_);
}

result<void> atomic_register::save(const snapshot_writer& writer) const {
  image_writer image(writer, "register", 1);
  image.number(value_ ? 1 : 0);
  if (value_) image.text(*value_);
  return image.finish();
}

result<void> atomic_register::restore(const snapshot_reader& reader) {
  image_reader image(reader, "register", 1);
  value saved;
  if (image.number() != 0) saved = image.text(longest_value);
  if (image.is_sound()) value_ = std::move(saved);
  return image.outcome();
}

}  // namespace mainstay
