#!/bin/busybox sh
# Runs as the first program of the emulated machine; see run.sh. What holds is said as
# "OK: ..." on the console.
/bin/busybox --install -s /bin
export PATH=/bin LD_LIBRARY_PATH=/lib64 ORT_DYLIB_PATH=/lib64/libonnxruntime.so HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ip link set lo up 2>/dev/null

for module in /modules/*; do
  case $module in
    *vivid.ko*) insmod "$module" n_devs=1 node_types=0x1 num_inputs=1 input_types=0x00 ;;
    *) insmod "$module" ;;
  esac
done
sleep 1
ls -l /dev/video*

wakewatch doctor | tee /tmp/doctor
grep -qi vivid /tmp/doctor && echo "OK: camera listed"

lines() { [ -f /tmp/frames.csv ] && wc -l </tmp/frames.csv || echo 0; }
# Waits until there are more lines than before.
more() {
  for _ in $(seq 1 240); do
    [ "$(lines)" -gt "$1" ] && return 0
    sleep 1
  done
  return 1
}

wakewatch watch --headless --silent --source webcam --events /tmp/events.jsonl \
  --frames /tmp/frames.csv >/tmp/out 2>/tmp/err &
watch=$!
more 5 && echo "OK: frames judged ($(lines) lines)"

# Unplugged.
echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
for _ in $(seq 1 60); do
  grep -q camera_lost /tmp/out && break
  sleep 1
done
grep -q camera_lost /tmp/out && echo "OK: loss told"
sleep 5
kill -0 $watch && echo "OK: still watching"

# Plugged in again.
before=$(lines)
echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
more $((before + 3)) && echo "OK: frames after replugging ($(lines) lines)"

ls -l /dev/video*
kill -INT $watch
wait $watch
echo "it ended with $?"
cat /tmp/out /tmp/err
echo "OK: all done"
poweroff -f
