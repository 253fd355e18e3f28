//! Loaded into a Python interpreter before the C library: where the interpreter would open its script, it becomes a
//! jailer, and only its descendants, each in a jail of its own, open what they find there.
//!
//! Python runs on in them as if nothing had happened, so what a program sees is what a cold start shows. All that
//! happens in between is in [`docle_jail::zygote`].

use docle_jail::zygote;
use libc::{FILE, c_char};
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the C library's own function looks like.
type Open = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut FILE;

static HAS_SERVED: AtomicBool = AtomicBool::new(false);

/// Runs before the interpreter's `main`: it finds the environment of a plain start.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = at_start;

extern "C" fn at_start() {
    zygote::hide();
}

/// `fopen` for large files, which is what interpreters on 64-bit systems call.
///
/// # Safety
/// As for fopen(3): both arguments are C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fopen64(path: *const c_char, mode: *const c_char) -> *mut FILE {
    // SAFETY: passed on as they came, to the function they were meant for.
    unsafe { open(c"fopen64", path, mode) }
}

/// See [`fopen64`].
///
/// # Safety
/// As for fopen(3): both arguments are C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fopen(path: *const c_char, mode: *const c_char) -> *mut FILE {
    // SAFETY: passed on as they came, to the function they were meant for.
    unsafe { open(c"fopen", path, mode) }
}

unsafe fn open(name: &CStr, path: *const c_char, mode: *const c_char) -> *mut FILE {
    // SAFETY: the caller promises a C string.
    let wanted = unsafe { CStr::from_ptr(path) };
    if zygote::is_script(wanted) && !HAS_SERVED.swap(true, Ordering::Relaxed) {
        zygote::serve();
    }
    // SAFETY: the name is a C string; the next definition of these names is the C library's.
    let next = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    // SAFETY: null is `None`, and a function of this name has this type.
    match unsafe { std::mem::transmute::<*mut libc::c_void, Option<Open>>(next) } {
        // SAFETY: the caller promises what the function asks for.
        Some(next) => unsafe { next(path, mode) },
        None => std::ptr::null_mut(),
    }
}
