#include "mainstay/base/fields.hpp"
#include "mainstay/machines/distributed_lock/distributed_lock.hpp"
#include "mainstay/machines/distributed_lock/operation.hpp"

namespace mainstay {

using namespace distributed_lock_format;

shared_bytes distributed_lock::acquire(std::string_view name, std::string_view owner,
                                       std::uint64_t milliseconds, bool waits) {
  field_writer fields;
  fields.number(waits ? wait : try_now).text(name).text(owner).number(milliseconds);
  return fields.bytes();
}

result<distributed_lock::grant> distributed_lock::grant_in(const shared_bytes& answer) {
  field_reader fields(answer.text());
  grant got{.token = fields.number()};
  got.place = fields.number();
  if (fields.is_whole()) return got;
  return fail(error_code::invalid_argument, "a name, an owner or a time of a lock is out of range");
}

shared_bytes distributed_lock::release(std::string_view name, std::string_view owner) {
  return field_writer().number(leave).text(name).text(owner).bytes();
}

result<bool> distributed_lock::released_in(const shared_bytes& answer) {
  field_reader fields(answer.text());
  const bool had = fields.number() != 0;
  if (fields.is_whole()) return had;
  return fail(error_code::invalid_argument, "a name or an owner of a lock is out of range");
}

shared_bytes distributed_lock::look(std::string_view name) { return shared_bytes::copy_of(name); }

result<std::optional<distributed_lock::holder>> distributed_lock::holder_in(
    const shared_bytes& answer) {
  if (answer.empty()) return std::nullopt;
  field_reader fields(answer.text());
  holder found{.owner = std::string(fields.text())};
  found.token = fields.number();
  found.until.microseconds = static_cast<std::int64_t>(fields.number());
  found.waiting = fields.number();
  if (fields.is_whole()) return found;
  return fail(error_code::malformed, "this is no holder of a lock");
}

}  // namespace mainstay
