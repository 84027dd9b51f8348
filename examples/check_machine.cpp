/// Ten lines that hold a state machine of your own to its contract, alone and on whole nodes under
/// crashes, partitions and broken disks. Give a number of seeds for a longer run.
#include <cstdlib>
#include <iostream>
#include <string>

#include "mainstay/base/fields.hpp"
#include "mainstay/seams/machine_image.hpp"
#include "mainstay/simulation/machine_check.hpp"

using mainstay::field_reader;
using mainstay::field_writer;
using mainstay::random_generator;
using mainstay::result;
using mainstay::shared_bytes;

/// The greatest number that anybody has said.
struct record_keeper {
  std::uint64_t best = 0;

  result<shared_bytes> apply(const mainstay::applied_command& command) {
    best = std::max(best, field_reader(command.payload.text()).number());
    return field_writer().number(best).bytes();
  }
  result<shared_bytes> query(const shared_bytes&) { return field_writer().number(best).bytes(); }
  result<void> save(const mainstay::snapshot_writer& write) {
    mainstay::image_writer image(write, "record_keeper", 1);
    image.number(best);
    return image.finish();
  }
  result<void> restore(const mainstay::snapshot_reader& read) {
    mainstay::image_reader image(read, "record_keeper", 1);
    const auto saved = image.number();
    if (image.is_sound()) best = saved;
    return image.outcome();
  }
};

int main(int count, char** arguments) {
  const auto report = mainstay::simulation::check_machine(
      [] { return record_keeper(); },
      {.command = [](random_generator& r) { return field_writer().number(r.below(1000)).bytes(); },
       .query = [](random_generator&) { return shared_bytes(); },
       .model =
           [](std::string& best, const shared_bytes& asked, bool changes) {
             if (best.empty()) best = field_writer().number(0).view();
             const bool is_more = field_reader(asked.text()).number() > field_reader(best).number();
             if (changes && is_more) best = asked.text();
             return best;
           }},
      {.seeds = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 20});
  std::cout << report.text() << '\n';
  return report.is_sound() ? 0 : 1;
}
