#include "mainstay/machines/counter/counter.hpp"

#include "mainstay/base/fields.hpp"
#include "mainstay/seams/machine_image.hpp"

namespace mainstay {

namespace {

shared_bytes as_bytes(std::int64_t number) {
  return field_writer().number(static_cast<std::uint64_t>(number)).bytes();
}

}  // namespace

shared_bytes counter::add(std::int64_t amount) { return as_bytes(amount); }

result<std::int64_t> counter::total_in(const shared_bytes& answer) {
  field_reader fields(answer.text());
  const auto total = static_cast<std::int64_t>(fields.number());
  if (fields.is_whole()) return total;
  return fail(error_code::invalid_argument, "no number, or none that fits into 64 bits any more");
}

/// What is refused has no answer.
result<shared_bytes> counter::apply(const applied_command& command) {
  field_reader fields(command.payload.text());
  const auto amount = static_cast<std::int64_t>(fields.number());
  std::int64_t sum = 0;
  const bool fits = fields.is_whole() && !__builtin_add_overflow(total_, amount, &sum);
  if (!fits) return shared_bytes();
  total_ = sum;
  return as_bytes(total_);
}

result<shared_bytes> counter::query(const shared_bytes& /*request*/) const {
  return as_bytes(total_);
}

result<void> counter::save(const snapshot_writer& writer) const {
  image_writer image(writer, "counter", 1);
  image.number(static_cast<std::uint64_t>(total_));
  return image.finish();
}

result<void> counter::restore(const snapshot_reader& reader) {
  image_reader image(reader, "counter", 1);
  const auto total = static_cast<std::int64_t>(image.number());
  if (image.is_sound()) total_ = total;
  return image.outcome();
}

}  // namespace mainstay
