#include "mainstay/base/fields.hpp"
#include "mainstay/machines/replicated_log/operation.hpp"
#include "mainstay/machines/replicated_log/replicated_log.hpp"

namespace mainstay {

using namespace replicated_log_format;

shared_bytes replicated_log::append(std::string_view record) {
  return field_writer().number(now).number(0).number(0).text(record).bytes();
}

shared_bytes replicated_log::append_at(std::uint64_t milliseconds,
                                       std::optional<std::uint64_t> sequence,
                                       std::string_view record) {
  field_writer fields;
  fields.number(sequence ? at_id : at_time).number(milliseconds).number(sequence.value_or(0));
  return fields.text(record).bytes();
}

shared_bytes replicated_log::keep_newest(std::uint64_t records) {
  return field_writer().number(trim).number(records).bytes();
}

shared_bytes replicated_log::read(record_id from, record_id to, std::uint64_t limit) {
  field_writer fields;
  fields.number(range).number(from.milliseconds).number(from.sequence);
  return fields.number(to.milliseconds).number(to.sequence).number(limit).bytes();
}

shared_bytes replicated_log::length() { return field_writer().number(count).bytes(); }

result<replicated_log::appended> replicated_log::appended_in(const shared_bytes& answer) {
  field_reader fields(answer.text());
  appended done;
  done.id.milliseconds = fields.number();
  done.id.sequence = fields.number();
  done.position = fields.number();
  if (fields.is_whole()) return done;
  return fail(error_code::invalid_argument, "not appended: the id is not greater than the last");
}

result<std::vector<log_record>> replicated_log::records_in(const shared_bytes& answer) {
  field_reader fields(answer.text());
  std::vector<log_record> records;
  while (!fields.rest().empty()) {
    const auto milliseconds = fields.number();
    const auto sequence = fields.number();
    records.push_back({{milliseconds, sequence}, std::string(fields.text())});
  }
  if (fields.is_whole()) return records;
  return fail(error_code::malformed, "these are no records");
}

result<std::uint64_t> replicated_log::count_in(const shared_bytes& answer) {
  field_reader fields(answer.text());
  const auto number = fields.number();
  if (fields.is_whole()) return number;
  return fail(error_code::malformed, "this is no number of records");
}

}  // namespace mainstay
