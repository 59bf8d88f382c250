// response_mode=form_post: sends the answer to the app. The button beside it does the same by hand.
document.getElementById("form-post").submit();
