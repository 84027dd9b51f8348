#include "server/machine_command.hpp"

#include <string>

#include "mainstay/base/fields.hpp"

namespace mainstay::server {

namespace {

/// The two bytes that every command begins with, then fields.
template <class Operation>
shared_bytes joined(command_family family, Operation operation, std::string_view fields) {
  std::string bytes;
  bytes += static_cast<char>(family);
  bytes += static_cast<char>(operation);
  bytes += fields;
  return shared_bytes::copy_of(bytes);
}

shared_bytes for_log(log_operation operation, const field_writer& fields) {
  return joined(command_family::log, operation, fields.view());
}

}  // namespace

shared_bytes add_to_log(std::string_view key, std::uint64_t flags, std::uint64_t most,
                        const shared_bytes& append) {
  field_writer fields;
  return for_log(log_operation::add,
                 fields.text(key).number(flags).number(most).text(append.text()));
}

shared_bytes trim_log(std::string_view key, std::uint64_t most) {
  return for_log(log_operation::trim, field_writer().text(key).number(most));
}

shared_bytes length_of_log(std::string_view key) {
  return for_log(log_operation::length, field_writer().text(key));
}

shared_bytes range_of_log(std::string_view key, record_id from, record_id to, std::uint64_t count) {
  field_writer fields;
  fields.text(key).number(from.milliseconds).number(from.sequence);
  fields.number(to.milliseconds).number(to.sequence).number(count);
  return for_log(log_operation::range, fields);
}

shared_bytes change_lock(const shared_bytes& command) {
  return joined(command_family::lock, lock_operation::change, command.text());
}

shared_bytes look_at_lock(const shared_bytes& query) {
  return joined(command_family::lock, lock_operation::look, query.text());
}

}  // namespace mainstay::server
